"""Where the training thread meets everybody else.

Any thread may ask (`ask`): what is asked is noted, and `pending` goes up. The training thread alone serves
(`attend`), when it comes to a checkpoint. The order there stands in `next_job`: stop, hard reload, sets and calls in
order of arrival, a sample; then it stands still if it is paused, and goes on serving. User objects are touched on
the training thread only, outside the lock.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from livespark.errors import CommandRefused, SparkReloadError, SparkStopError
from livespark.protocol.commands import Failure, Rewind, kind_of
from livespark.protocol.events import Status
from livespark.protocol.lifecycle import RunState, refusal
from livespark.runtime.asks import ASKS, hand_down
from livespark.runtime.failure import find_signal
from livespark.runtime.level import Level
from livespark.runtime.ports import SilentOutbox, Verdict
from livespark.runtime.request import Request
from livespark.runtime.saving import Saving
from livespark.runtime.state import BUSY, answer

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ("Core", "EventLoop", "Job")

_TERMINATED: Final = "ended by SIGTERM"

EventLoop: TypeAlias = "AbstractEventLoop | None"
Job: TypeAlias = Callable[["EventLoop"], None]
"""Something to do at a checkpoint; with the event loop where the checkpoint is an asynchronous one."""


class Core(Saving):
    """The state and what is done with it."""

    def __init__(self, step: Callable[[], int | None]) -> None:
        super().__init__(step)
        self.thread: int | None = None
        self.execute: Callable[[Request, EventLoop], None]
        self.sample: Callable[[], None]

    # any thread

    def ask(self, request: Request) -> None:
        """Note what is asked, or refuse it at once."""
        with self.changed:
            if self.admits(request):
                ASKS[type(request.command)](self, request)
                self.wake()

    def admits(self, request: Request) -> bool:
        """Whether the command makes sense now; if not, it has been refused."""
        if reason := refusal(kind_of(request.command), self.status):
            request.refuse(reason, self.step())
        return reason is None

    def ask_sample(self) -> None:
        """The next checkpoint shall take a sample of the exposed values."""
        with self.changed:
            self.sample_due = True
            self.wake()

    # checkpoints

    def checkpoint(self) -> None:
        """The cooperative point: everything asked of the run happens here, on this thread, between two steps.

        In this order: a stop raises SparkStopError; a hard reload raises SparkReloadError (inside the body of a
        `spark.loop` it waits for the item's end); edits, calls and rewinds happen in order of arrival; a snapshot is
        taken (it waits for the item's end, too); if the run is paused, this blocks, and goes on doing all of these.
        While nothing is asked it costs one test of a flag. On any other thread than the one that runs the script
        (detached: the first that comes here) it returns at once.
        """
        if self.pending:
            self._arrive()

    def _arrive(self) -> None:
        if self.is_mine():
            self.note_explicit()
            self.attend()

    def is_mine(self) -> bool:
        """Whether this is the training thread. Where none is known yet, the first to ask is."""
        if self.thread is None:
            self.thread = threading.get_ident()
        return self.thread == threading.get_ident()

    def note_explicit(self, *, cooperative: bool = False) -> None:
        """The script has checkpoints of its own: the optimizer's are not needed."""
        if self.explicit and self.cooperative >= cooperative:
            return
        with self.changed:
            self.explicit, self.cooperative = True, self.cooperative or cooperative
            self.refresh()

    def attend(self, *, boundary: bool = False) -> None:
        """Do what was asked. `boundary`: between two items of the innermost loop. Raises SparkSignal."""
        level = self.levels[-1]
        if self.probation:
            self.pass_probation()
        while True:
            with self.changed:
                job = self.next_job(level, boundary)
                if job is None:
                    if not self.stays(level):
                        return
                    self.changed.wait()
                    continue
            job(None)

    @contextmanager
    def bell(self, ring: Callable[[], object]) -> Iterator[None]:
        """`ring` is called, on any thread, when something has been asked."""
        with self.changed:
            self.bells.add(ring)
        try:
            yield
        finally:
            with self.changed:
                self.bells.discard(ring)

    def next_job(self, level: Level, boundary: bool) -> Job | None:
        """The next thing to do, None if there is nothing. Lock held. Raises SparkStopError, SparkReloadError."""
        level.at_rest = boundary or not level.open
        if self.renewal == "renewed":
            self.end_renewal()
        if self.resumed and level.state is not RunState.HELD:
            self.resumed = False
            return lambda _: self.snapshots.reached()
        if self.stopping:
            self.patience.end()
            if cause := self.last_cause:
                self.farewell = "taken"
                return lambda _: self.snapshots.farewell(cause)
            raise self.escape.note(SparkStopError("stop was asked"))
        if self.renewal or self.rewinding or (self.hard and self._rests()):
            self.begin_renewal()
            raise self.escape.note(SparkReloadError("the script runs again with its new code"))
        if self.reloads and not self.hard:
            return self._try_reload
        if self.queue:
            request = self.queue.popleft()
            return partial(self.rewind if isinstance(request.command, Rewind) else self.execute, request)
        if self.wants_snapshot and (self._rests() or level.paused or level.state is not RunState.RUNNING):
            return self.take_snapshot
        if self.sample_due:
            self.sample_due = False
            return lambda _: self.sample()
        self.refresh()
        return None

    def stays(self, level: Level) -> bool:
        """Whether the thread remains at this checkpoint: paused, idle, or held. Lock held."""
        if level.paused and not level.standing:
            self.stand(level)
            self.refresh()
        if level.standing and self.hard:
            self.tell_to_resume()
        return level.paused or level.state is not RunState.RUNNING

    # reloads

    def _rests(self) -> bool:
        return all(each.at_rest for each in self.levels)

    def _try_reload(self, _loop: EventLoop) -> None:
        """In place, if that is possible."""
        with self.changed:
            asked, at_rest = list(self.reloads), self._rests()
        try:
            verdict, reason = self.reload.attempt(at_rest=at_rest), ""
        except CommandRefused as refused:
            verdict, reason = Verdict(hard=False), str(refused)
        except Exception as error:  # of a value of the script's that was looked at: nothing has happened
            verdict, reason = Verdict(hard=False), f"the reload could not be tried: {error!r:.500}"
        with self.changed:
            self.hard = verdict.hard
            if not verdict.hard:
                self.reloads = [request for request in self.reloads if request not in asked]
                for request in asked:
                    request.refuse(reason, self.step()) if reason else answer(request, verdict, self.step())
            self.refresh()

    def pass_probation(self) -> None:
        """A checkpoint of new code that the guard watches. Raises SparkReloadError where it has to be taken back."""
        if not self.renewal and (reason := self.reload.passed()):
            with self.changed:
                self.begin_renewal()
            raise self.escape.note(SparkReloadError(reason))

    # calls

    @contextmanager
    def deeper(self, request: Request) -> Iterator[None]:
        """A call begins: a level of its own, the former one again if a reload interrupted it."""
        with self.changed:
            level = self.interrupted.pop(request, None) or Level()
            level.rerun()
            self.levels.append(level)
            self.refresh()
        try:
            yield
        except BaseException as error:
            if isinstance(find_signal(error), SparkReloadError):
                self.interrupted[request] = level
            raise
        finally:
            with self.changed:
                self.levels.remove(level)
                if request not in self.interrupted:
                    hand_down(self, level, self.levels[-1])
                self.refresh()

    def begin_beside(self, request: Request, path: str) -> bool:
        """A call on a thread of its own begins, unless it has been refused. Registered at once: the run may end now."""
        with self.changed:
            if not self.admits(request):
                return False
            if self.running.setdefault(path, request) is not request:
                request.refuse(BUSY.format(path), self.step())
                return False
            request.start()
            return True

    def put_back(self, request: Request) -> None:
        """A reload interrupts this call: it will be called again with the new code, its caller waits on."""
        with self.changed:
            self.queue.appendleft(request)

    # the script as a whole

    def begin(self) -> None:
        """The script is about to run."""
        with self.changed:
            self.begun = True
            self.refresh()

    def renew(self) -> None:
        """The script has unwound for a reload and is about to run again from its top."""
        with self.changed:
            self.renewal = "renewed"
            self.explicit = False
            level = self.levels[0]
            level.rerun()
            level.state, level.reason, level.error = RunState.RUNNING, "", None
            self.refresh()

    def serve(self, state: RunState, reason: str = "", error: Failure | None = None) -> None:
        """Stay, IDLE or HELD, and do what is asked. Ends by SparkStopError or SparkReloadError only."""
        level = self.levels[-1]
        with self.changed:
            level.state, level.reason, level.error = state, reason, error
            for request in level.pauses:
                request.refuse(refusal("pause", state) or "", self.step())
            level.drop_pause()
            if self.renewal == "renewed":
                self.end_renewal(error)
        self.attend(boundary=True)

    def let_go(self, reason: str) -> None:
        """What has been asked can't be done: refuse it, and be as if nothing had been asked."""
        with self.changed:
            for request in (*self.open_requests(), *self.reloading):
                request.refuse(reason, self.step())
            self.forget_requests()
            self.reloading.clear()
            self.renewal = ""
            self.refresh()

    def finish(self, end: RunState, reason: str = "", error: Failure | None = None) -> RunState:
        """Answer everything that is open, and report the end: `end`, unless a stop was asked. -> the end."""
        with self.changed:
            self.patience.end()
            if self.stopping:
                end = RunState.CANCELLED if self.cancelling else RunState.STOPPED
            for request in self.stops:
                request.apply(self.step())
            for request in self.open_requests():
                request.refuse("stopped" if self.stopping else f"the run has ended ({end.value})", self.step())
            self.forget_requests()
            for request in list(self.running.values()):
                request.give_up("the run ended while the function was being executed")
            if self.renewal:
                self.end_renewal(error)
            self.levels[-1].reason, self.levels[-1].error = reason, error
            if self.persistent and (self.terminated or end is RunState.FAILED):
                self.outbox.record(Status(RunState.STOPPING, self.step(), reason or _TERMINATED, error))
                return end
            self.ended = end
            self.refresh()
        return end

    def abandon(self) -> None:
        """This is a forked child: nothing is asked here, nothing is reported, the lock is nobody's."""
        self.inert = True
        self.pending = self.asked = False
        self.outbox = SilentOutbox()
        self.changed = threading.Condition()
