"""A clock that stands still until it is told to go on."""

import asyncio
import heapq
from itertools import count

__all__ = ("ManualClock",)


class ManualClock:
    """Implements `service.clock.Clock`. `advance` wakes the sleepers whose time has come, in order."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._start = now
        self._elapsed = 0.0
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []

    def now(self) -> float:
        return self._start + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        event = asyncio.Event()
        heapq.heappush(self._sleepers, (self._elapsed + max(0.0, seconds), next(self._order), event))
        await event.wait()

    def advance(self, seconds: float) -> None:
        self._elapsed += seconds
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            heapq.heappop(self._sleepers)[2].set()
