"""How fast things go: computed on the link's thread from two looks, so that the training thread needs no clock."""

import math
import time
from collections.abc import Callable, Hashable
from typing import Final

from livespark.protocol.live import Loop
from livespark.runtime.core import Core

__all__ = ("Progress", "Rates")

_MEMORY: Final = 2.0
"""Seconds over which a rate is smoothed."""


class Rates:
    """Smoothed rates of counters that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looks: dict[Hashable, tuple[float, int, float | None]] = {}

    def look(self, key: Hashable, value: int) -> float | None:
        """The counter stands at `value` now. -> how much it grows per second; None at the first look."""
        now = self._clock()
        then, before, rate = self._looks.get(key, (now, value, None))
        if now > then:
            rate = _smoothed(rate, max(0, value - before) / (now - then), now - then)
        self._looks[key] = (now, value, rate)
        return rate

    def forget_others(self, keys: set[Hashable]) -> None:
        self._looks = {key: look for key, look in self._looks.items() if key in keys}


def _smoothed(rate: float | None, newest: float, elapsed: float) -> float:
    if rate is None:
        return newest
    weight = math.exp(-elapsed / _MEMORY)
    return rate * weight + newest * (1 - weight)


class Progress:
    """The open loops, outermost first, with their rates."""

    def __init__(self, core: Core, rates: Rates | None = None) -> None:
        self._core = core
        self._rates = rates or Rates()

    def loops(self) -> list[Loop]:
        positions = [position for level in list(self._core.levels) for position in list(level.open)]
        self._rates.forget_others(set(positions))
        return [
            Loop(
                key=position.key,
                index=position.index,
                total=position.total,
                rate=self._rates.look(position, position.index),
                since=position.since,
                parent=position.parent,
            )
            for position in positions
        ]
