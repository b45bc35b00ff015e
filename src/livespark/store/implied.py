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

from livespark.protocol.codec import from_number
from livespark.protocol.commands import Answer, CommandRecord, Failure, Reload, Stop
from livespark.protocol.events import (
    Attempt,
    Commanded,
    Event,
    Metrics,
    Notice,
    Number,
    Resumed,
    Rewound,
    Snapshotted,
    Source,
    Status,
    Thinned,
    Timed,
)
from livespark.protocol.lifecycle import ALIVE, TERMINAL, RunState, may_follow
from livespark.protocol.snapshots import LONGEST_LABEL, SnapshotInfo

__all__ = (
    "KILL",
    "LARGEST",
    "Standing",
    "as_seen",
    "brings_text",
    "closing_answer",
    "fingerprint",
    "follow",
    "is_false",
    "is_out_of_place",
)

LARGEST: Final = 2**53
"""The largest number of a snapshot, and its largest size in bytes."""

KILL: Final = "kill"
"""The code of the notice that somebody asked for the run to be killed."""

_HASH: Final = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)
_log: Final = logging.getLogger(__name__)


class Standing(Struct):
    """How a run stands. `before_lost` is the state to go back to when a lost worker is heard again.

    What decides whether it is started again: `attempts_left`; `end_asked`, whether somebody asked for its end;
    `failure`, the fingerprint of what the last attempt failed with.
    """

    state: RunState
    reason: str = ""
    error: Failure | None = None
    step: int | None = None
    started: float | None = None
    ended: float | None = None
    before_lost: RunState | None = None
    attempts_left: int = 0
    end_asked: bool = False
    failure: str = ""


def follow(standing: Standing, timed: Timed, run: str) -> None:
    """Change `standing` as the event implies. `run` is for the log."""
    match timed.event:
        case Status() as status:
            _take(standing, status, timed.time, run)
        case Metrics(steps=[*_, last]):
            standing.step = last
        case Thinned(last_step=last):
            standing.step = last
        case Rewound(step=int(step)) | Resumed(step=int(step)):
            standing.step = step
        case Commanded(command=Stop()):
            standing.end_asked = True
        case Notice(code=code) if code == KILL:
            standing.end_asked = True
        case Attempt(left=left, error=error):
            standing.attempts_left, standing.failure = left, fingerprint(error, standing.step)
        case _:
            pass


def fingerprint(error: Failure | None, step: int | None) -> str:
    """By which the same exception at the same step is known again; empty where there was none."""
    return "" if error is None else hashlib.sha256(f"{error.type}\0{error.message}\0{step}".encode()).hexdigest()


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
    """Whether `event` says what can't be. The log says so.

    A source whose text is not that of its hash, or whose hash is none: texts are shared between runs, and nobody may
    put another text in the place of somebody's. A snapshot that no folder can hold.
    """
    if isinstance(event, Snapshotted):
        return _is_impossible(event.snapshot, run)
    if not isinstance(event, Source):
        return False
    false = _HASH.match(event.hash) is None or (bool(event.text) and not brings_text(event))
    if false:
        _log.warning("run %s: the source of %s does not have the hash %s; left out", run, event.path, event.hash[:64])
    return false


def _is_impossible(info: SnapshotInfo, run: str) -> bool:
    sizes = 0 < info.number <= LARGEST and 0 <= info.size <= LARGEST and 0 <= info.written <= LARGEST
    false = not (sizes and len(info.label) <= LONGEST_LABEL and all(map(_is_number, info.metrics.values())))
    if false:
        _log.warning("run %s: there can be no snapshot %d of %d bytes; left out", run, info.number, info.size)
    return false


def _is_number(number: Number) -> bool:
    try:
        from_number(number)
    except ValueError:
        return False
    return True


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
