"""The guard: for some steps after a reload, the run can go back to the code and the values from before.

Costs a copy of the persisted values at each reload, so it is there only when asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from livespark.protocol.runs import Reloading
from livespark.runtime.journal import Journal
from livespark.runtime.level import Level
from livespark.runtime.persist import Persisted
from livespark.runtime.places import Place
from livespark.runtime.reload.continuation import innermost
from livespark.runtime.reload.generators import Generators, capture
from livespark.runtime.reload.memory import Memory

__all__ = ("Guard", "Probation")

_UNWATCHED: Final = "the guard can't copy the persisted values, and does not watch this reload: {}"
_TOLD: Final = 5
"""Sentences in one notice."""


@dataclass(frozen=True)
class Guard:
    """What has to be watched over, and for how long."""

    settings: Reloading
    persisted: Persisted
    journal: Journal
    levels: list[Level]

    def begin(self, warn: Callable[[str], object]) -> "Probation | None":
        """Remember how things stand, if the guard is on; what can't be copied stops no reload. Training thread.

        `warn` is told what would not come back.
        """
        if not self.settings.guard:
            return None
        try:
            probation = Probation(self)
        except Exception as error:
            warn(_UNWATCHED.format(f"{type(error).__name__}: {error!s:.200}"))
            return None
        probation.tell(warn)
        return probation


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

    def tell(self, warn: Callable[[str], object]) -> None:
        """What could not be copied, or not be put back, and has not been told yet."""
        sentences = self._memory.left_out
        if sentences:
            warn("; ".join([*sentences[:_TOLD], *(["and more"] if len(sentences) > _TOLD else [])]))
        sentences.clear()

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

    def go_back(self, warn: Callable[[str], object]) -> None:
        """The values, the loops and the counters as they were. `warn` is told what could not be put back."""
        self._memory.put_back(self._guard.persisted.values)
        self.tell(warn)
        self._positions.put_back()
        self._guard.journal.go_back(self._mark)
        self.end()

    def end(self) -> None:
        """Remember no more."""
        self._positions.let_go()
        self._watch.close()
