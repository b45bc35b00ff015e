"""Time as the service needs it, so that tests can hold it still."""

import asyncio
import time
from typing import Protocol

__all__ = ("Clock", "SystemClock")


class Clock(Protocol):
    def now(self) -> float:
        """Unix seconds, for what people see."""

    def monotonic(self) -> float:
        """Seconds that never jump and, on a laptop that sleeps, stand still: for measuring silence."""

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
