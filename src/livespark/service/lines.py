"""The parts of which a run's channel consists: sleepers that can be woken, and the newest events."""

import asyncio
from collections import deque
from itertools import islice
from typing import Final

from livespark.protocol.live import LiveDelta, LiveDoc
from livespark.service.live import combined, full_delta

__all__ = ("Line", "Subscription", "Tail")

_TAIL_EVENTS: Final = 2_000
_TAIL_BYTES: Final = 4 * 1024**2


class Line:
    """Something that sleeps until there is work. `close` ends it for good."""

    def __init__(self) -> None:
        self._wake = asyncio.Event()
        self.closed = False

    def wake(self) -> None:
        self._wake.set()

    def close(self) -> None:
        self.closed = True
        self._wake.set()

    def awake(self) -> None:
        """From here on, a wake-up counts for the next `sleep`."""
        self._wake.clear()

    async def sleep(self, timeout: float) -> bool:
        """Until woken, or False after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True


class Subscription(Line):
    """One client's event stream. At most one delta waits for it: later ones are folded in, or a full one takes
    their place."""

    def __init__(self, *, live: bool) -> None:
        super().__init__()
        self.live = live
        self._delta: LiveDelta | None = None
        self._behind = False

    def push(self, delta: LiveDelta) -> None:
        if not self.live:
            return
        self._delta = delta if self._delta is None else combined(self._delta, delta)
        self._behind = self._behind or self._delta is None
        self.wake()

    def take(self, doc: LiveDoc | None) -> LiveDelta | None:
        """What changed since the last call, if anything did; `doc` is the document as it is now."""
        delta = full_delta(doc) if self._behind else self._delta
        self._delta, self._behind = None, False
        return delta


class Tail:
    """The newest events, framed once for all readers."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._last = 0
        self._size = 0

    def clear(self) -> None:
        self._frames.clear()
        self._size = 0

    def extend(self, last: int, frames: list[bytes]) -> None:
        """Add the frames of the events up to number `last`."""
        if last - len(frames) != self._last:
            self.clear()
        self._frames.extend(frames)
        self._last, self._size = last, self._size + sum(map(len, frames))
        while len(self._frames) > _TAIL_EVENTS or self._size > _TAIL_BYTES:
            self._size -= len(self._frames.popleft())

    def after(self, seq: int, limit: int) -> list[bytes] | None:
        """The frames of the events from `seq + 1` on; None when they are not all here."""
        skipped = seq - (self._last - len(self._frames))
        if skipped < 0 or skipped >= len(self._frames):
            return None
        return list(islice(self._frames, skipped, skipped + limit))
