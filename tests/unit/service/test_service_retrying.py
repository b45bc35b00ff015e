"""Runs whose process has died and which are started again."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from livespark.engine.base import Exited, Gone
from livespark.protocol.commands import Failure, Stop
from livespark.protocol.events import Answered, Attempt, Batch, Event, Metrics, Started, Status, Timed
from livespark.protocol.ids import CommandId, Epoch, RunId
from livespark.protocol.lifecycle import RunState, may_follow
from livespark.protocol.runs import Entry, Run
from livespark.protocol.snapshots import Origin
from livespark.service.refusals import Refused
from livespark.service.retrying import attempt_after, end_after, loss_of
from livespark.store.base import Prospects
from livespark.testing.engine import FakeEngine
from tests.unit.service.stage import Stage, eventually, staged, submit

pytestmark = pytest.mark.anyio

BOOM = Failure("ValueError", "boom")
KILLED, TERMINATED = Exited(-9), Exited(-15)
SIGTERM = "ended by SIGTERM"


def run(state: RunState = RunState.RUNNING, reason: str = "", error: Failure | None = None, starts: int = 1) -> Run:
    id, epoch = RunId("quiet-otter"), Epoch("0a1b2c3d")
    return Run(id, "", "run", state, epoch, 1.0, Entry("x.py"), "/", "python", 1, 9, reason, error, incarnation=starts)


def row(step: int) -> Metrics:
    return Metrics([step], [1.0], {"loss": [0.5]})


def left(number: int, *events: Event) -> tuple[int, Batch]:
    return 1, Batch(number, [Timed(1.0, event) for event in events])


async def die(stage: Stage, id: RunId, observation: Exited | Gone = KILLED, *events: Event) -> None:
    """The worker has sent all, but for a batch of `events`; then its process is gone."""
    number = (await stage.store.get_run(id)).incarnation  # type: ignore[union-attr]
    stage.engine.end(id, observation, [(number, Batch(2, [Timed(1.0, event) for event in events]))] if events else [])
    await stage.service.supervisor.look()


async def attempts(stage: Stage, id: RunId) -> list[Attempt]:
    return [event for event in await stage.events(id) if isinstance(event, Attempt)]


@pytest.mark.parametrize(
    ("seen", "stands", "words", "interrupted"),
    [
        (KILLED, run(), "out of memory", False),
        (Gone(), run(), "exit status was lost", False),
        (Gone(restarted=True), run(), "the machine was restarted", True),
        (TERMINATED, run(), "SIGTERM", True),
        (Exited(143), run(), "SIGTERM", True),
        (Exited(0), run(RunState.STOPPING, SIGTERM), SIGTERM, True),
        (Exited(1), run(RunState.STOPPING, "boom at x.py:3", BOOM), "boom at x.py:3", False),
        (TERMINATED, run(RunState.STOPPING, "boom at x.py:3", BOOM), "boom at x.py:3", False),
        (KILLED, run(RunState.STOPPING, "stopped"), "out of memory", False),
        (KILLED, run(RunState.HELD, "boom", BOOM), "out of memory", False),
    ],
)
def test_how_a_process_was_lost(seen: Exited | Gone, stands: Run, words: str, interrupted: bool) -> None:
    """The worker's own last word counts most, then the exit status."""
    loss = loss_of(stands, seen)
    assert words in loss.reason
    assert loss.interrupted is interrupted
    assert loss.error == (stands.error if stands.state is RunState.STOPPING else None)


NONE, SOME = Prospects(0, False, False), Prospects(3, False, False)


@pytest.mark.parametrize(
    ("seen", "restart", "prospects", "following"),
    [
        (KILLED, False, SOME, 2),
        (KILLED, True, SOME, 2),
        (KILLED, True, NONE, None),
        (TERMINATED, False, SOME, 2),
        (TERMINATED, True, SOME, 3),
        (TERMINATED, True, NONE, 0),
        (TERMINATED, False, NONE, None),
        (Gone(restarted=True), True, NONE, 0),
        (Gone(restarted=True), False, SOME, 2),
        (Gone(), True, NONE, None),
        (KILLED, True, Prospects(3, True, False), None),
        (Gone(restarted=True), True, Prospects(3, True, False), None),
    ],
)
def test_what_costs_an_attempt(seen: Exited | Gone, restart: bool, prospects: Prospects, following: int | None) -> None:
    """Not what came from outside, where the run asked to be restarted; and nothing helps against who asks for the
    end."""
    attempt = attempt_after(loss_of(run(), seen), run(), submit(restart=restart), prospects)
    assert (attempt.left if attempt else None) == following
    assert attempt is None or attempt.incarnation == 2


def test_the_same_failure_twice_is_enough() -> None:
    """The sentence says so; without an exception nothing repeats."""
    failed, again = run(RunState.STOPPING, "boom", BOOM), Prospects(2, False, True)
    assert attempt_after(loss_of(failed, Exited(1)), failed, submit(), again) is None
    assert attempt_after(loss_of(run(), KILLED), run(), submit(), again) is not None
    end = end_after(loss_of(failed, Exited(1)), replace(failed, retries=3), again)
    assert (end.state, end.error) == (RunState.FAILED, BOOM)
    assert "the same step" in end.reason


@given(st.integers(1, 2**31), st.booleans())
def test_waiting_grows_up_to_a_minute(starts: int, restarted: bool) -> None:
    """1, 2, 4, ... seconds; after a restart of the machine there is nothing to wait for."""
    stands, seen = run(starts=starts), Gone(restarted=restarted)
    attempt = attempt_after(loss_of(stands, seen), stands, submit(), SOME)
    assert attempt is not None
    assert attempt.delay == (0.0 if restarted else min(60.0, 2.0 ** min(starts - 1, 10)))


@given(st.sampled_from([state for state in RunState if may_follow(state, RunState.QUEUED)]), st.booleans())
def test_every_end_may_follow(state: RunState, told: bool) -> None:
    """Whatever the run did when its process was lost."""
    stands = run(state, SIGTERM if told else "")
    assert may_follow(state, end_after(loss_of(stands, KILLED), stands, NONE).state)


async def test_a_run_that_dies_goes_on_from_its_own_snapshots(tmp_path: Path) -> None:
    """In a new process with a new secret, after a while; what it had done stays; the history tells."""
    async with staged(tmp_path) as stage:
        id = await stage.running(retries=2)
        first = stage.engine.launches[id]
        await stage.saved(id, 1)
        began = stage.clock.now()
        await die(stage, id, KILLED, row(5))
        waiting = await stage.run(id)
        assert (waiting.state, waiting.pid, waiting.step) == (RunState.QUEUED, None, 5)
        assert "SIGKILL" in waiting.reason
        assert len(stage.engine.started) == 1
        await stage.attempt(id, 2)
        assert stage.clock.now() - began >= 1.0
        second = stage.engine.launches[id]
        assert second.origin == Origin(id, None, "retry")
        assert second.origin_dir == second.snapshot_dir == str(tmp_path / "runs" / id / "snapshots")
        assert (first.persistent, second.persistent, second.incarnation) == (True, True, 2)
        assert bytes.fromhex(second.seal) == bytes.fromhex((tmp_path / "seal").read_text())
        assert await stage.service.access.authenticate(first.token) is None
        assert await stage.service.access.authenticate(second.token) is not None
        assert [(each.incarnation, each.left, each.delay) for each in await attempts(stage, id)] == [(2, 1, 1.0)]
        found = await stage.run(id)
        assert (found.state, found.reason, found.started) == (RunState.RUNNING, "", waiting.started)
        assert stage.engine.forgotten == []


async def test_attempts_come_to_an_end(tmp_path: Path) -> None:
    """Each later than the one before; the last sentence says how many there were."""
    async with staged(tmp_path) as stage:
        id = await stage.running(retries=2)
        for incarnation in (2, 3):
            await die(stage, id)
            await stage.attempt(id, incarnation)
        await die(stage, id)
        found = await stage.run(id)
        assert found.state is RunState.FAILED
        assert "started again 2 times" in found.reason
        assert [(each.left, each.delay) for each in await attempts(stage, id)] == [(1, 1.0), (0, 2.0)]
        assert stage.engine.forgotten == [id]
        assert stage.service.alive == 0


@pytest.mark.parametrize(("step", "ends"), [(7, True), (8, False)])
async def test_the_same_exception_at_the_same_step_ends_it(tmp_path: Path, step: int, ends: bool) -> None:
    """At another step it is tried once more."""
    async with staged(tmp_path) as stage:
        id = await stage.running(retries=5)
        await die(stage, id, Exited(1), Status(RunState.STOPPING, 7, "ValueError: boom", BOOM))
        assert (await attempts(stage, id))[0].error == BOOM
        await stage.attempt(id, 2)
        await die(stage, id, Exited(1), Status(RunState.STOPPING, step, "ValueError: boom", BOOM))
        found = await stage.run(id)
        assert (found.state, found.error) == ((RunState.FAILED, BOOM) if ends else (RunState.QUEUED, None))


async def test_an_exception_of_a_run_without_attempts_is_its_end(tmp_path: Path) -> None:
    """One that only asked for restarts, too; ended by SIGTERM it has stopped, with or without one."""
    async with staged(tmp_path) as stage:
        raised, ended = await stage.running("a", restart=True), await stage.running("b", retries=1)
        await die(stage, raised, Exited(1), Status(RunState.STOPPING, 7, "ValueError: boom", BOOM))
        found = await stage.run(raised)
        assert (found.state, found.reason, found.error) == (RunState.FAILED, "ValueError: boom", BOOM)
        await die(stage, ended, Exited(0), Status(RunState.STOPPING, 7, SIGTERM))
        await stage.attempt(ended, 2)
        await die(stage, ended, Exited(0), Status(RunState.STOPPING, 9, SIGTERM))
        assert (await stage.run(ended)).state is RunState.STOPPED


async def test_a_restart_of_the_machine_is_not_counted(tmp_path: Path) -> None:
    """As often as it comes, also over restarts of the server; without having asked for that, it ends the run."""
    engine = FakeEngine()
    async with staged(tmp_path, engine) as stage:
        id, other = await stage.running("a", restart=True), await stage.running("b")
    for incarnation in (2, 3, 4):
        engine.end(id, Gone(restarted=True))
        engine.end(other, Gone(restarted=True))
        async with staged(tmp_path, engine) as stage:
            await stage.attempt(id, incarnation)
            assert (await stage.until_state(other, RunState.FAILED)).incarnation == 1
            assert len(await attempts(stage, id)) == incarnation - 1


async def test_a_server_that_restarts_does_not_forget_who_waits(tmp_path: Path) -> None:
    """The run is started at once then."""
    engine = FakeEngine()
    async with staged(tmp_path, engine) as stage:
        id = await stage.running(retries=1)
        await die(stage, id)
        assert (await stage.run(id)).state is RunState.QUEUED
    async with staged(tmp_path, engine) as stage:
        await eventually(lambda: len(engine.started) == 2)
        await stage.attempt(id, 2)
        await die(stage, id)
        assert (await stage.run(id)).state is RunState.FAILED


async def test_who_stops_or_kills_a_waiting_run_ends_it_for_good(tmp_path: Path) -> None:
    """Time makes no difference."""
    async with staged(tmp_path) as stage:
        stopped, killed = await stage.running("a", retries=9), await stage.running("b", retries=9)
        await die(stage, stopped)
        await die(stage, killed)
        assert (await stage.ask(stopped, "stop", Stop())).id == "stop"
        await stage.service.runs.kill(killed, 0, "tester")
        for id, how in ((stopped, "stopped"), (killed, "killed")):
            found = await stage.until_state(id, RunState.CANCELLED)
            assert found.reason == f"{how} by tester before it started again"
        for _ in range(100):
            stage.clock.advance(1.0)
            await asyncio.sleep(0)
        await stage.settle_down()
        await stage.service.supervisor.look()
        assert len(stage.engine.started) == 2
        assert stage.service.alive == 0
        with pytest.raises(Refused, match="has ended"):
            await stage.ask(stopped, "again", Stop())


async def test_who_has_asked_for_the_end_gets_it_whatever_happens_then(tmp_path: Path) -> None:
    """A server that has forgotten who killed it, too."""
    engine = FakeEngine()
    async with staged(tmp_path, engine) as stage:
        stopped, killed = await stage.running("a", retries=9), await stage.running("b", retries=9)
        await stage.ask(stopped, "stop", Stop())
        await stage.service.runs.kill(killed, 0, "tester")
    async with staged(tmp_path, engine) as stage:
        for id in (stopped, killed):
            await die(stage, id)
            assert (await stage.run(id)).state is RunState.FAILED
        assert len(stage.engine.started) == 2


async def test_who_asks_for_the_end_in_the_last_moment_is_told_no_number_of_attempts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it has been decided already that the run is started again."""
    async with staged(tmp_path) as stage:
        id, again = await stage.running(retries=9), stage.store.again

        async def late(run: RunId, attempt: Attempt, *, now: float) -> bool:
            await stage.ask(id, "stop", Stop())
            return await again(run, attempt, now=now)

        monkeypatch.setattr(stage.store, "again", late)
        await die(stage, id)
        found = await stage.run(id)
        assert found.state is RunState.FAILED
        assert "started again" not in found.reason


async def test_what_was_begun_is_answered_and_what_waits_goes_on(tmp_path: Path) -> None:
    """A command is started at most once; one that was not, reaches the next worker."""
    async with staged(tmp_path) as stage:
        id = await stage.running(retries=1)
        await stage.ask(id, "begun")
        await stage.ask(id, "waits")
        waiting = asyncio.create_task(stage.ask(id, "begun", wait=30))
        await asyncio.sleep(0.01)
        await die(stage, id, KILLED, Started(CommandId("begun"), 1))
        answer = (await waiting).answer
        assert answer is not None
        assert answer.outcome == "unknown"
        await stage.attempt(id, 2)
        assert [record.id for record in await stage.store.open_commands(id)] == ["waits"]
        answers = [event for event in await stage.events(id) if isinstance(event, Answered)]
        assert [event.id for event in answers] == ["begun"]


async def test_spools_of_all_incarnations_do_not_get_into_each_other(tmp_path: Path) -> None:
    """Those before the newest were committed before it began."""
    async with staged(tmp_path) as stage:
        id = await stage.running(retries=1)
        stage.engine.end(id, KILLED, [left(2, row(1))])
        await stage.service.supervisor.look()
        await stage.attempt(id, 2)
        second = (2, Batch(2, [Timed(1.0, row(2)), Timed(1.0, Status(RunState.COMPLETED))]))
        stage.engine.end(id, Exited(0), [left(1, Status(RunState.RUNNING)), left(2, row(1)), second])
        await stage.service.supervisor.look()
        rows = [event for event in await stage.events(id) if isinstance(event, Metrics)]
        assert rows == [row(1), row(2)]
        assert (await stage.run(id)).state is RunState.COMPLETED


async def test_waiting_long_is_no_silence(tmp_path: Path) -> None:
    """A worker that has just been started is not lost because the one before was silent."""
    async with staged(tmp_path) as stage:
        id = await stage.running(retries=9)
        stage.clock.advance(59.0)
        await die(stage, id)
        await stage.until(id, lambda found: found.state is RunState.STARTING, tick=10.0)
        await stage.settle_down()
        await stage.service.supervisor.look()
        assert (await stage.run(id)).state is RunState.STARTING


async def test_a_fork_that_dies_before_its_first_snapshot_begins_as_it_did(tmp_path: Path) -> None:
    """From its parent's; later from its own."""
    async with staged(tmp_path) as stage:
        parent = await stage.running("parent")
        await stage.saved(parent, 4)
        origin = Origin(parent, 4, "fork", fresh=["sched"])
        id = await stage.running("child", retries=3, origin=origin)
        await die(stage, id)
        await stage.attempt(id, 2)
        again = stage.engine.launches[id]
        assert (again.origin.run, again.origin.fresh) == (parent, ["sched"])  # type: ignore[union-attr]
        assert again.origin_dir == str(tmp_path / "runs" / parent / "snapshots")
        await stage.saved(id, 1)
        await die(stage, id)
        await stage.attempt(id, 3)
        assert stage.engine.launches[id].origin == Origin(id, None, "retry")
