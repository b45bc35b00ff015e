"""What an event changes about the run it happened to, and what is kept of it. Pure, so that every adapter has the same
rules.

An end is for ever: a status after it is history, but changes nothing. A worker's status that the lifecycle does not
foresee counts all the same, because the worker alone knows how it is; the log says so.
"""

import hashlib
import logging
import re
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from livespark.protocol.commands import Answer, CommandRecord, Failure, Reload
from livespark.protocol.events import Commanded, Event, Metrics, Source, Status, Thinned, Timed
from livespark.protocol.lifecycle import ALIVE, TERMINAL, RunState, may_follow

__all__ = ("Standing", "as_seen", "brings_text", "closing_answer", "follow", "is_false", "is_out_of_place")

_HASH: Final = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)
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


def as_seen(event: Event) -> Event:
    """`event` as clients get it: without the texts of source files, which are asked for by their hash."""
    match event:
        case Source(text=text) if text:
            return replace(event, text="")
        case Commanded(command=Reload(files=files)) if files:
            return replace(event, command=replace(event.command, files=dict.fromkeys(files, "")))
        case _:
            return event


def brings_text(source: Source) -> bool:
    """Whether the text of this hash is in the event. An empty file's is."""
    return hashlib.sha256(source.text.encode()).hexdigest() == source.hash


def is_false(event: Event, run: str) -> bool:
    """Whether `event` is a source whose text is not that of its hash, or whose hash is none. The log says so: texts
    are shared between runs, and nobody may put another text in the place of somebody's."""
    if not isinstance(event, Source):
        return False
    false = _HASH.match(event.hash) is None or (bool(event.text) and not brings_text(event))
    if false:
        _log.warning("run %s: the source of %s does not have the hash %s; left out", run, event.path, event.hash[:64])
    return false


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
