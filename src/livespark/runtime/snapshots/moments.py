"""Snapshots in host memory: the newest few moments to which a run can go back without reading a file."""

from dataclasses import dataclass
from typing import Any

from livespark.protocol.snapshots import InMemory
from livespark.runtime.journal import Mark
from livespark.runtime.persist import Expectation
from livespark.runtime.reload.generators import Generators
from livespark.runtime.reload.memory import Memory
from livespark.runtime.snapshots.copies import Copies
from livespark.runtime.snapshots.room import fitting

__all__ = ("Moment", "Moments", "Place")


@dataclass(frozen=True)
class Place:
    """Where a run stood apart from its values: loops as data (`standing.record`), generators, counters, exposed
    scalars. `open`: the loops that were open, outermost first, each by its key and occurrence in the one around it."""

    loops: dict[str, Any]
    open: list[tuple[str, int]]
    generators: Generators
    mark: Mark
    exposed: dict[str, Any]


@dataclass(frozen=True)
class Moment:
    """One snapshot in memory. `memory` is None where it was taken for the disk alone. `is_found`: of a script that had
    not persisted anything. `expected`: what it had not asked for yet."""

    number: int
    time: float
    step: int | None
    place: Place
    copies: Copies
    memory: Memory | None
    is_found: bool
    expected: Expectation

    @property
    def shown(self) -> InMemory:
        return InMemory(self.number, self.time, self.step, self.copies.size)


class Moments:
    """The newest moments, oldest first. `wanted`: how many; None: as many as fit well. Training thread."""

    def __init__(self, wanted: int | None) -> None:
        self._wanted = wanted
        self._kept: list[Moment] = []
        self.shown: list[InMemory] = []

    @property
    def wants_any(self) -> bool:
        """Whether it makes sense to offer one."""
        return self._wanted != 0

    def make_room(self) -> None:
        """One more is about to be taken: let go of the oldest where it would be one too many."""
        if self._kept:
            self._shorten(self._fit() - 1)

    def add(self, moment: Moment) -> None:
        """Keep it, if there is room."""
        self._kept.append(moment)
        self._shorten(self._fit())

    def _fit(self) -> int:
        held = sum(each.copies.size for each in self._kept)
        return fitting(self._kept[-1].copies.total, held, self._wanted)

    def _shorten(self, length: int) -> None:
        surplus = max(0, len(self._kept) - max(0, length))
        for each in self._kept[:surplus]:
            each.copies.release()
        self._kept = self._kept[surplus:]
        self.shown = [each.shown for each in self._kept]

    def find(self, number: int) -> Moment | None:
        return next((each for each in self._kept if each.number == number), None)
