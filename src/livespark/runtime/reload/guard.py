"""The guard: for some steps after a reload, the run can go back to the code and the values from before.

Costs a copy of the persisted values at each reload, so it is there only when asked for.
"""

from dataclasses import dataclass

from livespark.protocol.runs import Reloading
from livespark.runtime.journal import Journal
from livespark.runtime.level import Level
from livespark.runtime.persist import Persisted
from livespark.runtime.places import Place
from livespark.runtime.reload.continuation import innermost
from livespark.runtime.reload.generators import Generators, capture
from livespark.runtime.reload.memory import Memory

__all__ = ("Guard", "Probation")


@dataclass(frozen=True)
class Guard:
    """What has to be watched over, and for how long."""

    settings: Reloading
    persisted: Persisted
    journal: Journal
    levels: list[Level]

    def begin(self) -> "Probation | None":
        """Remember how things stand, if the guard is on. Training thread."""
        return Probation(self) if self.settings.guard else None


class Probation:
    """From the moment before a reload to the end of its probation, one way or the other."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self.generators: Generators = capture()
        self.place = innermost(guard.levels)
        self._memory = Memory.take(guard.persisted.values)
        self._positions = Place(guard.levels[0].scope)
        self._mark = guard.journal.mark()
        self._watch = guard.journal.watch(guard.settings.metric)
        self._left = guard.settings.guard

    @property
    def left_out(self) -> list[str]:
        """What could not be copied, as sentences."""
        return list(self._memory.left_out)

    def step(self) -> str:
        """A checkpoint has been reached. -> why the run has to go back; empty if it has not."""
        self._left -= 1
        return self._watch.bad or ""

    def prolong(self) -> None:
        """More new code has come: count from here."""
        self._left = self._guard.settings.guard

    @property
    def is_over(self) -> bool:
        """Whether the new code has proved itself."""
        return self._left < 0

    def go_back(self) -> None:
        """The values, the loops and the counters as they were."""
        self._memory.put_back(self._guard.persisted.values)
        self._positions.put_back()
        self._guard.journal.go_back(self._mark)
        self.end()

    def end(self) -> None:
        """Remember no more."""
        self._positions.let_go()
        self._watch.close()
