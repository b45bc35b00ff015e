"""What happens at once, on whichever thread it comes, when something is asked. One function per command; lock held."""

from collections.abc import Callable, Mapping
from typing import Final

from livespark.protocol.commands import Call, Command, Pause, Reload, Resume, Rewind, Set, Snapshot, Stop
from livespark.protocol.lifecycle import refusal
from livespark.runtime.level import Level
from livespark.runtime.request import Request
from livespark.runtime.state import BUSY, State

__all__ = ("ASKS", "hand_down")


def _pause(state: State, request: Request) -> None:
    level = state.levels[-1]
    if level.standing:
        request.start()
        return request.apply(state.step(), message="it was paused already")
    level.paused = True
    level.pauses.append(request)
    return state.patience.begin("pause")


def hand_down(state: State, level: Level, below: Level) -> None:
    """A call has ended without reaching its pause: the pause holds for what lies below."""
    for request in level.pauses:
        if reason := refusal("pause", below.state):
            request.refuse(reason, state.step())
        else:
            below.paused = True
            below.pauses.append(request)
    if below.standing:
        state.stand(below)


def _resume(state: State, request: Request) -> None:
    request.start()
    levels = (*reversed(state.levels), *state.interrupted.values())
    level = next((level for level in levels if level.paused), None)
    if level is None:
        return request.apply(state.step(), message="it was not paused")
    for pause in level.pauses:
        pause.refuse("withdrawn by a resume", state.step())
    level.drop_pause()
    state.patience.end()
    return request.apply(state.step())


def _stop(state: State, request: Request) -> None:
    assert isinstance(request.command, Stop)
    request.start()
    state.stopping = True
    state.farewell = state.farewell or (None if state.ended or not state.begun else "stop")
    state.cancelling = state.cancelling or request.command.cancel
    state.stops.append(request)
    for overtaken in (*state.open_requests(), *state.reloading):
        overtaken.refuse("stopped", state.step())
    state.forget_requests()
    state.reloading.clear()
    state.patience.begin("stop")


def _reload(state: State, request: Request) -> None:
    state.reloads.append(request)
    state.hard = False  # the newest source decides anew


def _call(state: State, request: Request) -> None:
    assert isinstance(request.command, Call)
    if request.command.function in state.running:
        return request.refuse(BUSY.format(request.command.function), state.step())
    return state.queue.append(request)


def _queue(state: State, request: Request) -> None:
    state.queue.append(request)


def _snapshot(state: State, request: Request) -> None:
    state.snapshot_asks.append(request)


ASKS: Final[Mapping[type[Command], Callable[[State, Request], None]]] = {
    Pause: _pause,
    Resume: _resume,
    Stop: _stop,
    Reload: _reload,
    Call: _call,
    Set: _queue,
    Rewind: _queue,
    Snapshot: _snapshot,
}
