"""How fast things go: computed on the link's thread from two looks, so that the training thread needs no clock."""

import math
import time
from collections.abc import Callable, Hashable
from typing import Final, NamedTuple

from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import Loop
from livespark.runtime.core import Core
from livespark.runtime.exposed.leaves import clean
from livespark.runtime.positions import Position

__all__ = ("Pace", "Progress", "Rates")

_MEMORY: Final = 2.0
"""Seconds over which a rate is smoothed."""

_MOVING: Final = frozenset({RunState.RUNNING, RunState.PAUSING, RunState.STOPPING})
_STEPS: Final = "steps"


class Rates:
    """Smoothed rates of counters that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looks: dict[Hashable, tuple[float, int, float | None]] = {}

    def look(self, key: Hashable, value: int) -> float | None:
        """The counter stands at `value` now. -> how much it grows per second; None until it has grown."""
        now = self._clock()
        then, before, rate = self._looks.setdefault(key, (now, value, None))
        if value < before:
            self._looks[key] = (now, value, None)
            return None
        if now <= then:
            return rate
        if value == before:
            return rate and min(rate, 1.0 / (now - then))
        rate = _smoothed(rate, (value - before) / (now - then), now - then)
        self._looks[key] = (now, value, rate)
        return rate

    def forget_others(self, keys: set[Hashable]) -> None:
        self._looks = {key: look for key, look in self._looks.items() if key in keys}


def _smoothed(rate: float | None, newest: float, elapsed: float) -> float:
    if rate is None:
        return newest
    weight = math.exp(-elapsed / _MEMORY)
    return rate * weight + newest * (1 - weight)


class Pace(NamedTuple):
    """The run's position, its open loops, outermost first, and its steps per second. No rates while it stands still."""

    step: int | None
    loops: list[Loop]
    speed: float | None


class Progress:
    """Looks at the core from the link's thread."""

    def __init__(self, core: Core, rates: Rates | None = None) -> None:
        self._core = core
        self._rates = rates or Rates()

    def look(self) -> Pace:
        step = self._core.step()
        positions = [position for level in list(self._core.levels) for position in list(level.open)]
        moves = self._core.status in _MOVING
        self._rates.forget_others({*positions, _STEPS} if moves else set())
        loops = [
            _loop(position, self._rates.look(position, position.index) if moves else None) for position in positions
        ]
        return Pace(step, loops, self._rates.look(_STEPS, step) if moves and step is not None else None)


def _loop(position: Position, rate: float | None) -> Loop:
    return Loop(
        key=clean(position.key),
        index=position.index,
        total=position.total,
        rate=rate,
        since=position.since,
        parent=clean(position.parent),
    )
