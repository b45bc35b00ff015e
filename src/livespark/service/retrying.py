"""Whether a run whose process is gone is started again, when, and how it ends otherwise. Pure.

What somebody asked for is an end. What came from outside and says nothing about the run, a restart of the machine or a
SIGTERM, costs no attempt where the run asked to be restarted. All else costs one; a run that fails twice in the same
way at the same step would do so for ever.
"""

from typing import Final

from msgspec import Struct

from livespark.engine.base import Exited, Gone
from livespark.protocol.commands import Failure
from livespark.protocol.events import Attempt, Status
from livespark.protocol.lifecycle import RunState
from livespark.protocol.runs import Run, Submit
from livespark.service.exits import explain
from livespark.store.base import Prospects

__all__ = ("Loss", "attempt_after", "end_after", "loss_of")

_TERMINATED: Final = "ended by SIGTERM"
"""How a worker that may be started again begins the reason of its `stopping`."""

_BY_SIGTERM: Final = frozenset({-15, 143})
_LONGEST: Final = 60.0
_DOUBLINGS: Final = 6


class Loss(Struct, frozen=True):
    """How a run came to have no process. `told`: by its worker, which had the time to. `interrupted`: from outside,
    `restarted`: by a restart of the machine."""

    reason: str
    error: Failure | None = None
    told: bool = False
    interrupted: bool = False
    restarted: bool = False


def loss_of(run: Run, seen: Exited | Gone, last_words: str = "") -> Loss:
    """`last_words`: the last line that was written by a worker which never got to the script."""
    if run.state is RunState.STOPPING and (run.error is not None or run.reason.startswith(_TERMINATED)):
        return Loss(run.reason, run.error, told=True, interrupted=run.error is None)
    reason = str(explain(seen, run.state)) + (f". Its last words: {last_words}" if last_words else "")
    restarted = isinstance(seen, Gone) and seen.restarted
    terminated = isinstance(seen, Exited) and seen.code in _BY_SIGTERM
    return Loss(reason, interrupted=restarted or terminated, restarted=restarted)


def attempt_after(loss: Loss, run: Run, submit: Submit | None, prospects: Prospects) -> Attempt | None:
    """The attempt that follows; None where the run has come to its end."""
    if submit is None or prospects.end_asked:
        return None
    free = submit.restart and loss.interrupted
    if not free and (prospects.left <= 0 or _repeats(loss, prospects)):
        return None
    return Attempt(
        incarnation=run.incarnation + 1,
        left=prospects.left - (not free),
        reason=loss.reason,
        delay=0.0 if loss.restarted else min(_LONGEST, 2.0 ** min(_DOUBLINGS, max(0, run.incarnation - 1))),
        error=loss.error,
        step=run.step,
    )


def end_after(loss: Loss, run: Run, prospects: Prospects) -> Status:
    """The end of a run that is not started again."""
    if prospects.end_asked or not run.retries:
        more = ""
    elif _repeats(loss, prospects):
        more = ". The attempt before failed at the same step in the same way, so it is not started again"
    else:
        more = f". It has been started again {run.retries} times, as often as it may be"
    stopped = loss.told and loss.error is None
    return Status(RunState.STOPPED if stopped else RunState.FAILED, reason=loss.reason + more, error=loss.error)


def _repeats(loss: Loss, prospects: Prospects) -> bool:
    return loss.error is not None and prospects.repeats
