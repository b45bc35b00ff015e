"""When a snapshot is due by itself, and when a run has to go back by itself. Pure: times and numbers are given."""

import math
from bisect import bisect_left, insort
from collections import deque
from typing import Final

from livespark.protocol.metrics import means
from livespark.protocol.snapshots import AutoRewind, Snapshotting
from livespark.snapshots.retention import better, parse_best

__all__ = ("Best", "Schedule", "Trip")

_WINDOW: Final = 101
_ENOUGH: Final = 20
"""So many values are looked at before a spike is told from the ordinary."""


class Schedule:
    """Every so many steps and seconds since the last snapshot. `now` in seconds, of a clock that only goes on."""

    def __init__(self, policy: Snapshotting, now: float) -> None:
        self._policy = policy
        self._step = 0
        self._at = now

    def due_by_time(self, now: float) -> bool:
        every = self._policy.every_seconds
        return every > 0 and now - self._at >= every

    def due_by_step(self, step: int) -> bool:
        every = self._policy.every_steps
        if step < self._step:
            self._step = step
        return every > 0 and step // every > self._step // every

    def taken(self, now: float, step: int | None) -> None:
        """A snapshot has been taken."""
        self._at = now
        self._step = self._step if step is None else step


class Best:
    """The best value of one metric so far. `policy.best` names it."""

    def __init__(self, policy: Snapshotting) -> None:
        self.metric, self._direction = parse_best(policy.best) if policy.best else ("", "max")
        self.value: float | None = None
        self._name = ""

    def watches(self, name: str) -> bool:
        """Whether the metric `name` is to be looked at: of several that are meant, the first that was logged."""
        return bool(self.metric) and (name == self._name if self._name else means(self.metric, name))

    def look(self, name: str, value: float) -> bool:
        """Whether this value of the metric `name` is better than all before."""
        if not self.watches(name) or not math.isfinite(value):
            return False
        self._name = name
        if self.value is not None and not better(value, self.value, self._direction):
            return False
        self.value = value
        return True


class Trip:
    """Watches a metric for values after which the run has to go back: `settings.times` times, and once more, so that
    somebody can tell that this was it."""

    def __init__(self, settings: AutoRewind) -> None:
        self._settings = settings
        self._left = settings.times
        self._step: int | None = None
        self._newest: deque[float] = deque(maxlen=_WINDOW)
        self._sorted: list[float] = []

    def due_by_step(self, step: int) -> bool:
        """Whether a snapshot in memory is due, so that there is one to go back to. Once for each, the first at once."""
        every, before, self._step = max(1, self._settings.steps), self._step, step
        return before is None or step // every > before // every

    def watches(self, name: str) -> bool:
        """Whether the metric `name` is to be looked at."""
        return self._left >= 0 and means(self._settings.metric, name)

    def look(self, name: str, value: float) -> str:
        """-> what is wrong with this value of the metric `name`, as a phrase; empty if nothing is."""
        if not self.watches(name):
            return ""
        if not math.isfinite(value):
            return f"{name} is {value}"
        reason = self._spike(name, value)
        if not reason:
            self._remember(value)
        return reason

    def spend(self) -> bool:
        """The run is about to go back, and what is ordinary is learnt anew. -> False: it has gone back often enough."""
        self._left -= 1
        self._newest.clear()
        self._sorted.clear()
        return self._left >= 0

    def _spike(self, name: str, value: float) -> str:
        factor = self._settings.spike
        if not factor or len(self._sorted) < _ENOUGH:
            return ""
        median = self._sorted[len(self._sorted) // 2]
        if value <= factor * median or median <= 0:
            return ""
        return f"{name} is {value:.4g}, more than {factor:g} times its median of {median:.4g}"

    def _remember(self, value: float) -> None:
        if len(self._newest) == _WINDOW:
            del self._sorted[bisect_left(self._sorted, self._newest[0])]
        self._newest.append(value)
        insort(self._sorted, value)
