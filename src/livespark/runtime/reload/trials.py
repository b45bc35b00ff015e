"""The reloads that have not proved themselves yet: they stay together, or are taken back together.

A second one may come before the first has proved itself: two files that are saved one after the other, an edit while
the guard still watches the one before, or while the run is paused. Only the code before all of them is known to work.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from livespark.runtime.reload.record import Trial
from livespark.runtime.reload.renewal import Renewal

__all__ = ("Trials",)


@dataclass
class Trials:
    """Oldest first. Of an execution of old code there is a renewal, but no trial.

    `warn` is told what does not come back; the run goes on all the same.
    """

    warn: Callable[[str], object]
    _done: list[tuple[Trial | None, Renewal]] = field(default_factory=list)

    def add(self, trial: Trial | None, renewal: Renewal) -> None:
        """It is about to be carried out."""
        self._done.append((trial, renewal))

    def drop(self) -> None:
        """The newest has not come about: it is taken back alone."""
        _, renewal = self._done.pop()
        self._roll_back(renewal)

    @property
    def newest(self) -> Trial | None:
        return self._done[-1][0] if self._done else None

    @property
    def notes(self) -> list[str]:
        """What the newest does not reach, as sentences."""
        return self._done[-1][1].notes if self._done else []

    def __bool__(self) -> bool:
        """Whether there is new code among them."""
        return any(trial.asked.plan for trial, _ in self._done if trial)

    def commit(self) -> None:
        """All of them stay."""
        for _, renewal in self._done:
            renewal.commit()
        self._done.clear()

    def take_back(self, note: Callable[[Trial], object]) -> None:
        """The code before all of them is in force again. `note` is called for each, newest first."""
        while self._done:
            trial, renewal = self._done.pop()
            self._roll_back(renewal)
            if trial:
                note(trial)

    def _roll_back(self, renewal: Renewal) -> None:
        try:
            renewal.roll_back()
        except Exception as error:
            causes = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
            told = "; ".join(f"{type(each).__name__}: {each!s:.200}" for each in causes)
            self.warn(f"the former code could not be put back completely: {told}")
