"""The run's snapshots: when one is taken, what becomes of it, which ones stay.

Copied on the training thread, at a checkpoint; written, told and answered on the writer's thread, one at a time. A
failure is an event: training goes on, and older snapshots are intact.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from msgspec import to_builtins

from livespark.errors import LivesparkError
from livespark.protocol.commands import Failure, Snapshot
from livespark.protocol.events import Notice, SnapshotFailed, SnapshotsRemoved, Snapshotted
from livespark.protocol.lifecycle import RunState
from livespark.protocol.snapshots import Cause, InMemory, SnapshotInfo, Snapshotting
from livespark.runtime.core import Core
from livespark.runtime.ports import Due
from livespark.runtime.request import Request
from livespark.runtime.snapshots.capture import Capture, capture_moment, capture_run
from livespark.runtime.snapshots.copies import Copies
from livespark.runtime.snapshots.moments import Moment, Moments
from livespark.runtime.snapshots.rewinding import Rewinder
from livespark.runtime.snapshots.schedule import Best, Schedule, Trip
from livespark.runtime.snapshots.subject import Subject
from livespark.runtime.snapshots.watching import Lookout
from livespark.runtime.snapshots.writer import Writer
from livespark.snapshots.folder import Folder
from livespark.snapshots.retention import superseded

__all__ = ("Snapshots",)

_NOTHING: Final = (
    "there is nothing to save: the script has not persisted anything yet (spark.persist), and no optimizer has made a "
    "step"
)
_WITHIN: Final = "taken in the middle of a spark.loop item, which is done again by a run that goes on from here"
_STAYS: Final = "older files stay on disk until it is removed (`livespark snapshot rm`), for it may need any of them"
_LATE: Final = "taken late: the one before was still being written when it was due"
_HELD: Final = "taken while the script was held after an exception"


class Snapshots:
    """Implements `ports.Snapshots`. One per attached process. `begun` is called when the script has come to the first
    checkpoint behind a beginning, or a going back."""

    def __init__(self, core: Core, subject: Subject, policy: Snapshotting, folder: Folder, rewinder: Rewinder) -> None:
        self._core = core
        self._subject = subject
        self._policy = policy
        self._folder = folder
        self._rewinder = rewinder
        self._moments: Moments = rewinder.moments
        self._infos: list[SnapshotInfo] = rewinder.infos
        self._number = max((*folder.numbers(), 0))
        self._schedule = Schedule(policy, time.monotonic())
        self._writer = Writer(self._broken)
        self._copies: Copies | None = None
        self._told: set[str] = set()
        self.begun: Callable[[], None] = lambda: None

    @property
    def in_memory(self) -> list[InMemory]:
        """The snapshots in host memory, oldest first; the same list while nothing changes. Any thread."""
        return self._moments.shown

    def watch(self, journal_follow: Callable[[Lookout], None]) -> None:
        """Look at each row that is logged, where the policy needs that."""
        policy = self._policy
        trip = Trip(policy.rewind) if policy.rewind else None
        if policy.every_steps or policy.best or trip:
            tripped = partial(self._rewinder.trip, trip, policy.rewind) if trip and policy.rewind else _never
            journal_follow(Lookout(self._schedule, Best(policy), trip, self._due, tripped))

    def _due(self, cause: Due) -> None:
        """A row that was logged asks for one. Where none is kept in memory, it is written."""
        self._core.ask_snapshot("every" if cause == "memory" and not self._moments.wants_any else cause)

    def tick(self) -> None:
        """Some time has passed. Any thread."""
        core = self._core
        is_due = self._schedule.due_by_time(time.monotonic()) and core.snapshot_due is None
        if is_due and not _is_saved(core, self._infos):
            core.ask_snapshot("every")

    # on the training thread

    def goes_on_from(self, step: int | None) -> None:
        """The state is that of an earlier snapshot: the next one is due as it was then."""
        self._schedule.taken(time.monotonic(), step)

    def take(self, requests: list[Request], cause: Due) -> None:
        """Copy the run's state, and have it written; the `requests` for it are answered when it is. Never raises."""
        if cause == "memory":
            return self._take_in_memory()
        requests = self._of_one_label(requests)
        label = _label_of(requests)
        capture = self._capture(requests, cause, label)
        if capture is not None:
            self._hand_over(capture, requests)
        return None

    def farewell(self, cause: Cause | None) -> None:
        """The run is about to end: as `take` (None: take none), for those who have asked since the last checkpoint,
        too; and wait until all is written."""
        asked = False
        while cause and (requests := self._core.last_asks()):
            self.take(requests, "asked")
            asked = True
        if cause and not asked and self._policy.on_end and self._subject.values():
            self.take([], cause)
        self._writer.wait()

    def rewind(self, request: Request) -> bool:
        """Put the state of a snapshot back: at once, or, if True, as soon as the script has been unwound."""
        return self._rewinder.begin(request)

    def unwound(self) -> None:
        """The script has been unwound, and is about to run again."""
        self._rewinder.unwound()

    def reached(self, error: Failure | None = None) -> None:
        """The script that runs again has come to its first checkpoint, its end, or an `error` that holds it."""
        self._rewinder.reached(error)
        if error is None:
            self.begun()

    def _hand_over(self, capture: Capture, requests: list[Request]) -> None:
        """To the writer's thread, which may not be to be had."""
        self._core.begin_saving()
        capture.moment.copies.hold()
        try:
            self._remember(capture.moment)
            self._writer.write(partial(self._write, capture, requests))
        except Exception as error:
            info = capture.draft.manifest.info
            capture.moment.copies.release()
            self._fail(requests, info.cause, info.label, f"it could not be written: {_sentence(error)}")
            self._core.end_saving()

    def _of_one_label(self, requests: list[Request]) -> list[Request]:
        """The first ones of one label; the others wait for the next snapshot."""
        label = _label_of(requests)
        later = [request for request in requests if _label_of([request]) != label]
        with self._core.changed:
            self._core.snapshot_asks = [*later, *self._core.snapshot_asks]
            self._core.refresh()
        return [request for request in requests if request not in later]

    def _capture(self, requests: list[Request], cause: Cause, label: str) -> Capture | None:
        self._schedule.taken(time.monotonic(), self._subject.journal.step)
        try:
            self._moments.make_room()
            if not self._subject.values():
                self._refuse(requests)
                return None
            capture = capture_run(
                self._subject,
                self._number + 1,
                cause,
                label,
                before=self._copies,
                remember=self._moments.wants_any,
                message=self._oddity(),
            )
        except Exception as error:
            self._fail(requests, cause, label, f"the state could not be copied: {_sentence(error)}")
            return None
        self._count()
        for request in requests:
            request.start()
        self._tell([f"{sentence}: a run that goes on from a snapshot makes it anew" for sentence in capture.unsaved])
        self._tell(capture.moment.place.loops["notes"])
        return capture

    def _refuse(self, requests: list[Request]) -> None:
        for request in requests:
            request.refuse(_NOTHING, self._core.step())

    def _oddity(self) -> str:
        at_rest = all(each.at_rest for each in self._core.levels)
        held = self._core.levels[-1].state is RunState.HELD
        where = _HELD if held else "" if at_rest else _WITHIN
        return "; ".join(each for each in (where, _LATE if self._core.put_off else "") if each)

    def _take_in_memory(self) -> None:
        """For going back a few steps: nothing is written."""
        try:
            self._moments.make_room()
            moment = capture_moment(self._subject, self._number + 1, self._copies)
            moment.copies.wait()
            self._remember(moment)
        except Exception as error:
            return self._fail([], "every", "", f"the state could not be copied: {_sentence(error)}")
        self._count()
        return None

    def _count(self) -> None:
        self._number += 1
        self._rewinder.note(self._number)

    def _remember(self, moment: Moment) -> None:
        self._copies = moment.copies
        if moment.memory is not None:
            self._moments.add(moment)
        else:
            moment.copies.release()

    def _tell_damaged(self) -> None:
        for sentence in self._folder.damaged:
            if sentence not in self._told:
                self._told.add(sentence)
                self._core.outbox.emit(Notice("warning", "snapshot-damaged", f"{sentence}: {_STAYS}"))

    def _tell(self, sentences: list[str]) -> None:
        """What of the state is not in the snapshot; each once."""
        for sentence in sentences:
            if sentence not in self._told:
                self._told.add(sentence)
                self._core.outbox.emit(Notice("warning", "not-saved", sentence))

    # on the writer's thread

    def _write(self, capture: Capture, requests: list[Request]) -> None:
        info = capture.draft.manifest.info
        try:
            info = self._folder.write(capture.draft)
        except Exception as error:
            self._fail(requests, info.cause, info.label, f"it could not be written: {_sentence(error)}")
        else:
            self._core.outbox.emit(Snapshotted(info))
            self._infos.append(info)
            for request in requests:
                request.apply(info.step, to_builtins(info))
            self._retire()
        finally:
            try:
                capture.moment.copies.release()
            finally:
                self._core.end_saving()

    def _broken(self, error: BaseException) -> None:
        text = f"what follows a snapshot could not be done: {type(error).__name__}: {error!s:.300}"
        self._core.outbox.emit(Notice("error", "snapshots-broken", text))

    def _fail(self, requests: list[Request], cause: Cause, label: str, message: str) -> None:
        step = self._core.step()
        self._core.outbox.emit(SnapshotFailed(cause, message, step, label))
        for request in requests:
            request.fail(Failure("SnapshotFailed", message), step)

    def _retire(self) -> None:
        """Remove those that newer or better ones have taken the place of. Somebody else may have removed others."""
        try:
            there = self._folder.listed()
            infos = [info for info in self._infos if info.number in there]
            numbers = self._folder.remove(superseded(infos, self._policy))
            self._folder.collect()
            self._tell_damaged()
        except Exception as error:  # the snapshot is there all the same
            text = f"old snapshots could not be removed: {_sentence(error)}"
            self._core.outbox.emit(Notice("warning", "snapshots-stay", text))
            return
        self._infos[:] = [info for info in infos if info.number not in numbers]
        if numbers:
            self._core.outbox.emit(SnapshotsRemoved(numbers))


def _is_saved(core: Core, infos: list[SnapshotInfo]) -> bool:
    """Whether the run stands where the newest snapshot was taken: a night's pause must not push the older ones out."""
    level = core.levels[-1]
    stands = level.standing or level.state is not RunState.RUNNING
    return stands and bool(infos) and infos[-1].step == core.step()


def _label_of(requests: list[Request]) -> str:
    command = requests[0].command if requests else None
    return command.label if isinstance(command, Snapshot) else ""


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f' ({error.filename})' if error.filename else ''}"
    return str(error) if isinstance(error, LivesparkError) else f"{type(error).__name__}: {error!s:.300}"


def _never(_reason: str, _step: int) -> None: ...
