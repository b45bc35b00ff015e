"""Looks at each row that is logged: whether a snapshot is due by steps or by a best value, and whether the run must go
back. Training thread; there only while somebody has asked for one of these."""

from collections.abc import Callable
from typing import Any

from livespark.runtime.journal import fetched
from livespark.runtime.ports import Due
from livespark.runtime.snapshots.schedule import Best, Schedule, Trip

__all__ = ("Lookout",)


class Lookout:
    """Tells `due` and `tripped`. One per attached process."""

    def __init__(
        self,
        schedule: Schedule,
        best: Best,
        trip: Trip | None,
        due: Callable[[Due], object],
        tripped: Callable[[str, int], object],
    ) -> None:
        self._schedule = schedule
        self._best = best
        self._trip = trip
        self._due = due
        self._tripped = tripped

    def look(self, row: tuple[float, int, dict[str, Any]]) -> None:
        """A row has been logged."""
        _, step, values = row
        wants_one = self._trip is not None and self._trip.due_by_step(step)
        if self._schedule.due_by_step(step):
            self._due("every")
        elif wants_one:
            self._due("memory")
        if not (self._best.metric or self._trip):
            return
        for name, value in values.items():
            self._look_at(step, name, value)

    def _look_at(self, step: int, name: str, value: Any) -> None:
        watched = self._best.watches(name) or (self._trip and self._trip.watches(name))
        value = fetched(value) if watched else None
        if value is None:
            return
        if self._best.look(name, value):
            self._due("best")
        if self._trip and (reason := self._trip.look(name, value)):
            self._tripped(reason, step)
