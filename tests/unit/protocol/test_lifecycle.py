"""The life of a run as a table."""

import pytest

from livespark.protocol.commands import Command
from livespark.protocol.lifecycle import ALIVE, NEXT, TERMINAL, RunState, exit_code, may_follow, refusal
from livespark.protocol.policy import COMMAND_SCOPE, Scope

KINDS = sorted(str(kind.__struct_config__.tag) for kind in Command.__args__)


def test_every_state_stands_in_the_table() -> None:
    """No state is forgotten, and none follows that is not one."""
    assert set(RunState) == set(NEXT)
    assert set().union(*NEXT.values()) <= set(RunState)


def test_an_end_is_for_ever() -> None:
    """Exactly the terminal states have no successor."""
    assert {state for state, following in NEXT.items() if not following} == TERMINAL


def test_every_state_can_be_reached_from_queued() -> None:
    """There is no state that no run ever enters."""
    reached, todo = {RunState.QUEUED}, [RunState.QUEUED]
    while todo:
        new = NEXT[todo.pop()] - reached
        reached |= new
        todo += new

    assert set(RunState) == reached


def test_an_end_can_be_reached_from_everywhere() -> None:
    """Whatever a run is doing, it can fail: its process may be gone."""
    assert all(may_follow(state, RunState.FAILED) for state in RunState if state not in TERMINAL)


def test_what_was_lost_may_come_back_as_anything_alive() -> None:
    """A laptop that slept comes back in whatever state its worker is."""
    assert NEXT[RunState.LOST] >= ALIVE
    assert all(may_follow(state, RunState.LOST) for state in ALIVE)


@pytest.mark.parametrize("state", list(RunState))
@pytest.mark.parametrize("kind", KINDS)
def test_every_command_has_a_meaning_or_a_reason_in_every_state(kind: str, state: RunState) -> None:
    """Ended runs refuse everything with a sentence; nothing is undefined."""
    reason = refusal(kind, state)

    assert reason is None or len(reason) > 10
    assert (state in TERMINAL) <= (reason is not None)


def test_every_command_has_a_scope() -> None:
    """A command kind without a scope would be open to everybody, or to nobody."""
    assert sorted(COMMAND_SCOPE) == KINDS


@pytest.mark.parametrize(
    ("state", "dev", "expected"),
    [
        (RunState.COMPLETED, False, 0),
        (RunState.COMPLETED, True, 0),
        (RunState.FAILED, False, 1),
        (RunState.FAILED, True, 1),
        (RunState.STOPPED, False, 3),
        (RunState.STOPPED, True, 0),
        (RunState.CANCELLED, False, 3),
        (RunState.CANCELLED, True, 3),
    ],
)
def test_exit_codes(state: RunState, dev: bool, expected: int) -> None:
    """The exit codes of the command line are the specified ones."""
    assert exit_code(state, dev=dev) == expected


def test_scopes_are_ordered_and_the_workers_stands_apart() -> None:
    """A higher scope includes the lower ones; a worker's secret is good for the worker's routes alone, and nothing
    else is."""
    ladder = [Scope.READ, Scope.CONTROL, Scope.DATA, Scope.CODE, Scope.ADMIN]

    for height, held in enumerate(ladder):
        assert [needed for needed in Scope if held.includes(needed)] == ladder[: height + 1]
    assert [needed for needed in Scope if Scope.WORKER.includes(needed)] == [Scope.WORKER]
