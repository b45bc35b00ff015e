"""The life of a run: which state may follow which, and which command makes sense in which.

Two rules for editing this file:

1. Every state stands in `NEXT`; every command kind stands in `_MEANINGLESS`. The tests walk both.
2. There is one authority at a time. Until the worker first reports, the service decides (`queued`, `starting`,
   `cancelled`). While the worker lives, it alone decides. When it is not heard of, the service says `lost`, and only
   the engine, which knows that the process is gone, may turn that into `failed`, or, of a run that may be started
   again, into `queued`.

Theory: an end is for ever, so terminal states have no successors. `lost` is not an end: whatever state the worker is in
when it comes back follows. Each table is plain data; the functions below only look things up.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

__all__ = ("ALIVE", "NEXT", "TERMINAL", "RunState", "exit_code", "may_follow", "refusal")


class RunState(StrEnum):
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    RELOADING = "reloading"
    IDLE = "idle"
    HELD = "held"
    STOPPING = "stopping"
    LOST = "lost"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


_S = RunState

TERMINAL: Final = frozenset({_S.COMPLETED, _S.FAILED, _S.STOPPED, _S.CANCELLED})
ALIVE: Final = frozenset({_S.RUNNING, _S.PAUSING, _S.PAUSED, _S.RELOADING, _S.IDLE, _S.HELD, _S.STOPPING})
"""States that only a living worker can be in, and only the worker reports."""

_AGAIN: Final = TERMINAL | {_S.QUEUED}
"""What may follow when the process has gone: an end, or, of a run that may be started again, another start."""

NEXT: Final[Mapping[RunState, frozenset[RunState]]] = {
    _S.QUEUED: frozenset({_S.STARTING, _S.CANCELLED, _S.FAILED}),
    _S.STARTING: frozenset({_S.RUNNING, _S.HELD, _S.STOPPING, _S.LOST}) | _AGAIN,
    _S.RUNNING: frozenset({_S.PAUSING, _S.PAUSED, _S.RELOADING, _S.IDLE, _S.HELD, _S.STOPPING, _S.LOST}) | _AGAIN,
    _S.PAUSING: frozenset({_S.RUNNING, _S.PAUSED, _S.RELOADING, _S.IDLE, _S.HELD, _S.STOPPING, _S.LOST}) | _AGAIN,
    _S.PAUSED: frozenset({_S.RUNNING, _S.RELOADING, _S.HELD, _S.STOPPING, _S.LOST}) | _AGAIN,
    _S.RELOADING: frozenset({_S.RUNNING, _S.PAUSED, _S.IDLE, _S.HELD, _S.STOPPING, _S.LOST}) | _AGAIN,
    _S.IDLE: frozenset({_S.RUNNING, _S.RELOADING, _S.HELD, _S.STOPPING, _S.LOST}) | _AGAIN,
    _S.HELD: frozenset({_S.RUNNING, _S.RELOADING, _S.STOPPING, _S.LOST}) | _AGAIN,
    _S.STOPPING: frozenset({_S.LOST}) | _AGAIN,
    _S.LOST: ALIVE | _AGAIN,
    _S.COMPLETED: frozenset(),
    _S.FAILED: frozenset(),
    _S.STOPPED: frozenset(),
    _S.CANCELLED: frozenset(),
}


def may_follow(state: RunState, following: RunState) -> bool:
    return following in NEXT[state]


_ENDED: Final = "the run has ended ({state})"
_MEANINGLESS: Final[Mapping[str, Mapping[RunState, str]]] = {
    "pause": {
        _S.IDLE: "nothing is executing: the script has returned and the process waits for calls",
        _S.HELD: "the script has raised and is held; there is nothing to pause",
        _S.STOPPING: "the run is stopping",
    },
    "resume": {_S.STOPPING: "the run is stopping"},
    "reload": {_S.STOPPING: "the run is stopping"},
    "set": {_S.STOPPING: "the run is stopping"},
    "snapshot": {_S.STOPPING: "the run is stopping"},
    "rewind": {_S.STOPPING: "the run is stopping"},
    "call": {_S.STOPPING: "the run is stopping"},
    "stop": {},
}


def refusal(kind: str, state: RunState) -> str | None:
    """Why a command of this kind makes no sense in this state; None where it does."""
    if state in TERMINAL:
        return _ENDED.format(state=state.value)
    return _MEANINGLESS[kind].get(state)


_EXIT_CODE: Final[Mapping[RunState, int]] = {
    _S.COMPLETED: 0,
    _S.FAILED: 1,
    _S.STOPPED: 3,
    _S.CANCELLED: 3,
}


def exit_code(state: RunState, *, dev: bool = False) -> int:
    """The exit code of the command line for an ended run. In `dev`, stopping is the ordinary way out: 0."""
    return 0 if dev and state is _S.STOPPED else _EXIT_CODE[state]
