"""Every reload goes on the record, applied or not, with its difference; and every version of a file that runs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from livespark.protocol.commands import Failure
from livespark.protocol.events import Event, Notice, Reloaded, ReloadKind, ReloadOutcome
from livespark.protocol.events import Source as Version
from livespark.runtime.failure import describe
from livespark.runtime.reload.preparation import Asked
from livespark.runtime.reload.project import Project
from livespark.runtime.reload.sources import Source
from livespark.runtime.reload.undo import Refusal
from livespark.runtime.state import State

__all__ = ("Record", "Setback", "Trial")

_LONGEST = 2_000_000
"""Characters of a file that are kept."""


@dataclass(frozen=True)
class Trial:
    """A reload that has begun."""

    asked: Asked
    kind: ReloadKind

    def summary(self) -> dict[str, object]:
        """For whoever asked for it."""
        return {"kind": self.kind, "changed": self.asked.plan.names}


class Setback(NamedTuple):
    """Why new code is not in force."""

    sentence: str
    error: Failure | None = None
    is_refusal: bool = False

    @classmethod
    def of(cls, error: BaseException) -> "Setback":
        """What raised. To be made before the code is put back, so that the lines shown are those that were executed."""
        if isinstance(error, Refusal):
            return cls(str(error), is_refusal=True)
        failure = describe(error)
        return cls(f"{failure.type}: {failure.message}".rstrip(": "), failure)


class Record:
    """Reports to the outbox. `project` is set when it is known."""

    project: Project

    def __init__(self, core: State) -> None:
        self._core = core

    def emit(self, event: Event) -> None:
        self._core.outbox.emit(event)

    def note(self, sentence: str) -> None:
        """Something that the new code does not reach."""
        self.emit(Notice("warning", "old-code", sentence))

    def warn(self, sentence: str) -> None:
        """Something that does not come back when the reload is taken back, or would not."""
        self.emit(Notice("warning", "not-undone", sentence))

    def source(self, source: Source) -> None:
        """`source` runs from now on. Any thread."""
        text = source.text if len(source.text) <= _LONGEST else ""
        self.emit(Version(self.project.display(source.path), source.digest, self._core.step(), text))

    def applied(self, trial: Trial, notes: Sequence[str] = (), error: Failure | None = None) -> str:
        """The new code is in force. `notes`: what it does not reach. -> a sentence about it."""
        message = "; ".join([*_unaffected(trial), *notes])
        self.emit(self._event(trial, "applied", message, error))
        what = ", ".join(trial.asked.plan.names) or (
            "the script runs again" if trial.kind == "hard" else "no definition"
        )
        return f"{trial.kind}: {what}{f'; {message}' if message else ''}"

    def failed(self, trial: Trial, outcome: ReloadOutcome, setback: "Setback") -> None:
        """It did not come about, or is no longer in force."""
        self.emit(self._event(trial, outcome, setback.sentence, setback.error))

    def _event(self, trial: Trial, outcome: ReloadOutcome, message: str, error: Failure | None) -> Reloaded:
        plan = trial.asked.plan
        return Reloaded(
            outcome=outcome,
            kind=trial.kind,
            step=self._core.step(),
            seconds=max(0.0, time.perf_counter() - trial.asked.since),
            changed=plan.names,
            files=plan.changes,
            message=message,
            error=error,
        )


def _unaffected(trial: Trial) -> list[str]:
    made = [name for file in trial.asked.plan.files for name in file.difference.made_differently]
    return [f"objects that exist keep what their old __init__ made: {', '.join(made)}"] if made else []
