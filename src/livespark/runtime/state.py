"""What was asked of the training thread, and what it is in the middle of: the one mutable object of the runtime's core.

Theory: facts are noted under one lock. What the run shows as its state is never set by hand, it follows from the
facts (`_shown`), and so do the flags; `refresh` is called after every change of a fact. Where a state may not
follow the one before (a paused run starts a call that is paused itself), RUNNING stands between them.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final, Literal

from msgspec import UNSET

from livespark.protocol.commands import Failure
from livespark.protocol.events import Notice, Status
from livespark.protocol.lifecycle import TERMINAL, RunState, may_follow
from livespark.protocol.snapshots import Cause
from livespark.runtime.escape import Escape
from livespark.runtime.level import Level
from livespark.runtime.patience import Patience
from livespark.runtime.ports import Due, NoReloader, NoSnapshots, Outbox, Reloads, SilentOutbox, Snapshots, Verdict
from livespark.runtime.request import Request

__all__ = ("BUSY", "State", "answer")

BUSY: Final = "busy: {}() is still being executed"
_RELOAD_WAITS: Final = (
    "the reload waits: the run is paused in the middle of a spark.loop item, and goes on with the new code after that "
    "item. Resume it to get there"
)


class State:
    """Everything but `pending` is guarded by `changed`; methods are called with it held.

    `pending` is the whole cost of an idle checkpoint. It is up before the script's first own checkpoint, too, so
    that this one is noticed (`explicit`); `asked` is without that. `hard`: a hard reload is due, as soon as no loop is
    within an item; `renewal`: one is under way, from the raise to the new code's first checkpoint; `carries_out`: it
    does what was asked, and does not only take something back; `probation`: the guard counts checkpoints. `for_async`:
    calls that wait for an asynchronous checkpoint. `interrupted`: calls to be called again after a reload.

    `snapshot_asks`: who asked for a snapshot; `snapshot_due`: why one is due by itself; neither is met while one is
    `saving` (`put_off`: one was due meanwhile), but for one that is kept in memory alone. `farewell`: why one is taken
    before the run ends. `rewinding`: the script has to unwind for this rewind. `resumed`: the script goes on from a
    snapshot, and has not come to its first checkpoint. `persistent`: the run may be started again, so what ends this
    process against its will is not its end.
    """

    def __init__(self, step: Callable[[], int | None]) -> None:
        self.pending = True
        self.asked = False
        self.explicit = False
        self.cooperative = False
        self.inert = False
        self.changed = threading.Condition()
        self.step = step
        self.outbox: Outbox = SilentOutbox()
        self.patience = Patience(float("inf"), print)
        self.status = RunState.RUNNING
        self.begun = True
        self.ended: RunState | None = None
        self.levels = [Level()]
        self.queue: deque[Request] = deque()
        self.for_async: deque[Request] = deque()
        self.running: dict[str, Request] = {}
        self.interrupted: dict[Request, Level] = {}
        self.stops: list[Request] = []
        self.stopping = self.cancelling = False
        self.reload: Reloads = NoReloader()
        self.reloads: list[Request] = []
        self.hard = self.probation = self.carries_out = False
        self.reloading: list[Request] = []
        self.renewal: Literal["", "unwinding", "renewed"] = ""
        self.escape = Escape()
        self.snapshots: Snapshots = NoSnapshots()
        self.snapshot_asks: list[Request] = []
        self.snapshot_due: Due | None = None
        self.farewell: Cause | Literal["taken"] | None = None
        self.saving = self.put_off = self.resumed = False
        self.rewinding: Request | None = None
        self.persistent = self.terminated = False
        self.sample_due = False
        self.told_to_resume = False
        self.bells: set[Callable[[], object]] = set()

    def wake(self) -> None:
        """Something has been asked."""
        self.refresh()
        self.changed.notify_all()
        for ring in self.bells:
            ring()

    def refresh(self) -> None:
        """Let flags and state follow from the facts; report a new state."""
        level = self.levels[-1]
        asked = (self.stopping, self.reloads, self.queue, self.sample_due, level.paused, self.wants_snapshot)
        facts = (*asked, self.renewal, self.probation, self.rewinding, self.resumed)
        self.asked = any(facts) and not self.inert
        self.pending = self.asked or not (self.explicit or self.inert)
        if (shown := self._shown(level)) is not self.status:
            if not may_follow(self.status, shown):
                self._show(RunState.RUNNING, level)
            self._show(shown, level)

    @property
    def wants_snapshot(self) -> bool:
        """Whether one is to be taken as soon as the script is at a place where it can go on later."""
        if self.saving:
            return self.snapshot_due == "memory"
        return bool(self.snapshot_asks or self.snapshot_due)

    def _show(self, state: RunState, level: Level) -> None:
        self.status = state
        report = self.outbox.record if state in TERMINAL else self.outbox.emit
        report(Status(state, self.step(), level.reason, level.error))

    def _shown(self, level: Level) -> RunState:
        if self.ended:
            return self.ended
        if self.stopping:
            return RunState.STOPPING
        if not self.begun:
            return RunState.STARTING
        if self.renewal:
            return RunState.RELOADING
        if level.paused:
            return RunState.PAUSED if level.standing else RunState.PAUSING
        return level.state

    def open_requests(self) -> list[Request]:
        """What was asked and has not begun."""
        levels = [*self.levels, *self.interrupted.values()]
        pauses = [pause for level in levels for pause in level.pauses]
        rewinds = [self.rewinding] if self.rewinding else []
        return [*self.queue, *self.for_async, *self.reloads, *self.snapshot_asks, *rewinds, *pauses]

    def forget_requests(self) -> None:
        """All of `open_requests` have been answered."""
        for answered in (self.queue, self.for_async, self.reloads, self.snapshot_asks, self.interrupted):
            answered.clear()
        self.hard, self.rewinding = False, None
        for level in self.levels:
            level.drop_pause()

    def stand(self, level: Level) -> None:
        """A pause has been reached."""
        self.patience.end()
        level.standing = True
        for request in level.pauses:
            request.start()
            request.apply(self.step())
        level.pauses.clear()

    def tell_to_resume(self) -> None:
        """Say once that a reload which was asked for can't begin where the run stands."""
        if not self.told_to_resume:
            self.told_to_resume = True
            self.outbox.emit(Notice("info", "reload-waits", _RELOAD_WAITS))

    def begin_renewal(self) -> None:
        """The script is about to unwind, or, having swallowed that, to be told again."""
        if self.renewal != "unwinding":
            self.escape.close()
            self.carries_out = self.reload.unwinding()
        self.told_to_resume = self.hard = False
        self.rewinding = None
        self.renewal = "unwinding"
        self.levels[-1].reason, self.levels[-1].error = "", None
        if self.carries_out:
            for request in self.reloads:
                request.start()
            self.reloading += self.reloads
            self.reloads.clear()
        self.refresh()

    def end_renewal(self, error: Failure | None = None) -> None:
        """The new code has come to its first checkpoint, to its end, or to an `error`."""
        self.snapshots.reached(error)
        verdict = self.reload.reached(error)
        self.renewal = ""
        for request in self.reloading:
            request.fail(error, self.step()) if error else answer(request, verdict, self.step())
        self.reloading.clear()
        self.refresh()

    def take_back(self, reason: str) -> None:
        """The new code has been taken back; the code before is about to run again."""
        for request in self.reloading:
            request.refuse(reason, self.step())
        self.reloading.clear()

    def begin_probation(self) -> None:
        """From now on each checkpoint is counted."""
        self.probation = True
        self.refresh()


def answer(request: Request, verdict: Verdict, step: int | None) -> None:
    """The reload that was asked for has happened."""
    request.start()
    request.apply(step, UNSET if verdict.value is None else verdict.value, verdict.message)
