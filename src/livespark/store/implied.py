"""What an event changes about the run it happened to. Pure, so that every adapter has the same rules.

An end is for ever: a status after it is history, but changes nothing. A worker's status that the lifecycle does not
foresee counts all the same, because the worker alone knows how it is; the log says so.
"""

import logging
from typing import Final

from msgspec import Struct

from livespark.protocol.commands import Answer, CommandRecord, Failure
from livespark.protocol.events import Event, Metrics, Status, Thinned, Timed
from livespark.protocol.lifecycle import ALIVE, TERMINAL, RunState, may_follow

__all__ = ("Standing", "closing_answer", "follow", "is_out_of_place")

_log: Final = logging.getLogger(__name__)


class Standing(Struct):
    """How a run stands. `before_lost` is the state to go back to when a lost worker is heard again."""

    state: RunState
    reason: str = ""
    error: Failure | None = None
    step: int | None = None
    started: float | None = None
    ended: float | None = None
    before_lost: RunState | None = None


def follow(standing: Standing, timed: Timed, run: str) -> None:
    """Change `standing` as the event implies. `run` is for the log."""
    match timed.event:
        case Status() as status:
            _take(standing, status, timed.time, run)
        case Metrics(steps=[*_, last]):
            standing.step = last
        case Thinned(last_step=last):
            standing.step = last
        case _:
            pass


def is_out_of_place(event: Event, standing: Standing) -> bool:
    """Whether `event` is a status that the lifecycle does not allow now."""
    return isinstance(event, Status) and not may_follow(standing.state, event.state)


def closing_answer(record: CommandRecord) -> Answer:
    """What becomes of a command that is open when the run's process has gone."""
    if record.started is None:
        return Answer("refused", message="the run ended before it got to this")
    return Answer("unknown", message="the process ended between this command's start and its answer")


def _take(standing: Standing, status: Status, time: float, run: str) -> None:
    if status.state is not standing.state and is_out_of_place(status, standing):
        _log.warning("run %s: %s reported after %s", run, status.state.value, standing.state.value)
    if standing.state in TERMINAL:
        return
    if status.state is RunState.LOST:
        standing.before_lost = standing.state
    standing.state = status.state
    standing.reason, standing.error = status.reason, status.error
    standing.step = status.step if status.step is not None else standing.step
    if status.state in ALIVE and standing.started is None:
        standing.started = time
    if status.state in TERMINAL:
        standing.ended = time
