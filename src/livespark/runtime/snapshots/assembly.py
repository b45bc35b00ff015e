"""Puts the parts together that save and bring back a run's state."""

from pathlib import Path
from typing import Any, Final

from livespark.protocol.events import Notice
from livespark.protocol.runs import Launch
from livespark.runtime.core import Core
from livespark.runtime.reload.continuation import Continuation
from livespark.runtime.snapshots.exposures import Exposures
from livespark.runtime.snapshots.moments import Moments
from livespark.runtime.snapshots.plain import plain_values
from livespark.runtime.snapshots.reaching import reaches
from livespark.runtime.snapshots.resuming import Resumption, find_snapshot
from livespark.runtime.snapshots.returning import Returning
from livespark.runtime.snapshots.rewinding import Rewinder
from livespark.runtime.snapshots.snapshots import Snapshots
from livespark.runtime.snapshots.subject import Subject
from livespark.snapshots.folder import Folder

__all__ = ("Assembly",)

_ANEW: Final = "there is no snapshot to go on from, so the script begins anew"


class Assembly:
    """`snapshots` for the core; `resume` before the script runs; the other methods as the script goes on. Training
    thread."""

    def __init__(self, launch: Launch, core: Core, subject: Subject, continuation: Continuation) -> None:
        self._launch = launch
        self._core = core
        self._subject = subject
        self._seal = bytes.fromhex(launch.seal)
        self.exposures = Exposures(subject.bindings, subject.edits, self._is_saved)
        self._returning = Returning(subject, continuation, self._warn)
        self._resumption: Resumption | None = None
        folder, policy = Folder(Path(launch.snapshot_dir), self._seal), launch.snapshots
        rewinder = Rewinder(core, subject, folder, Moments(policy.memory), self.exposures, self._returning)
        self.snapshots = Snapshots(core, subject, policy, folder, rewinder)
        subject.persisted.describe = plain_values
        subject.persisted.asked = self._returning.asked_for_value
        subject.hook.arrived = self._stepped
        self.snapshots.begun = self.begun
        self.snapshots.watch(subject.journal.follow)

    def resume(self) -> None:
        """Begin with the state of a snapshot, if the run has an origin. Raises LivesparkError where there is none."""
        origin = self._launch.origin
        if origin is None:
            return
        snapshot, notes = find_snapshot(origin, Path(self._launch.origin_dir), self._seal)
        if snapshot is not None:
            self._resumption = Resumption(
                origin,
                snapshot,
                notes,
                core=self._core,
                subject=self._subject,
                returning=self._returning,
                exposures=self.exposures,
            )
            self._core.resumed = True
            self._resumption.begin()
            self.snapshots.goes_on_from(snapshot.manifest.info.step)
        else:
            for text in (*notes, _ANEW):
                self._core.outbox.emit(Notice("warning", "resumed", text))

    def begun(self) -> None:
        """The script has come to its first checkpoint."""
        if self._resumption and self._resumption.begun():
            self._resumption = None

    def _warn(self, sentence: str) -> None:
        self._core.outbox.emit(Notice("warning", "not-exact", sentence))

    def _stepped(self) -> None:
        if self._resumption:
            self._resumption.stepped()

    def _is_saved(self, value: Any) -> bool:
        """Whether the content of an exposed object comes back with a persisted value."""
        return reaches(self._subject.values().values(), value)
