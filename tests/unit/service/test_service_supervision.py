"""Runs whose worker can't look after itself any more."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.engine.base import Alive, Exited, Gone
from livespark.protocol.commands import Answer
from livespark.protocol.events import Batch, Event, Metrics, Notice, Report, Started, Status, Timed
from livespark.protocol.ids import CommandId, RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import LiveDelta
from livespark.service.exits import ENDINGS, explain
from livespark.service.refusals import Refused
from livespark.testing.engine import FakeEngine
from tests.unit.service.stage import eventually, staged, submit

pytestmark = pytest.mark.anyio


def batch(number: int, *events: Event) -> Batch:
    return Batch(number, [Timed(1.0, event) for event in events])


def row(step: int) -> Metrics:
    return Metrics([step], [1.0], {"loss": [0.5]})


@pytest.mark.parametrize(
    ("observation", "words"),
    [
        (Exited(-9), "out of memory"),
        (Exited(137), "out of memory"),
        (Exited(-11), "segmentation fault"),
        (Exited(139), "segmentation fault"),
        (Exited(1), "exit status 1"),
        (Exited(0), "exit status 0"),
        (Exited(77), "exit status 77"),
        (Exited(-34), "signal 34"),
        (Gone(), "exit status was lost"),
    ],
)
async def test_a_worker_that_dies_leaves_a_failed_run(tmp_path: Path, observation: Exited | Gone, words: str) -> None:
    """The reason says what happened; what the worker still had to say is there; the run is settled."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        left = [(1, batch(1, Status(RunState.RUNNING))), (1, batch(2, row(1), row(2))), (1, batch(3, row(3)))]
        stage.engine.end(run, observation, left)
        await stage.service.supervisor.look()
        found = await stage.run(run)
        assert found.state is RunState.FAILED
        assert words in found.reason
        assert (await stage.events(run))[2:-1] == [row(1), row(2), row(3)]
        assert stage.engine.forgotten == [run]
        assert stage.service.alive == 0


async def test_a_worker_that_never_got_to_the_script_is_quoted(tmp_path: Path) -> None:
    """The interpreter's own complaint is the cause."""
    async with staged(tmp_path) as stage:
        run, _ = await stage.service.runs.submit(submit())
        await stage.until_state(run.id, RunState.STARTING)
        await stage.settle_down()
        stage.engine.write(run.id, "Traceback:\n/usr/bin/python: No module named livespark\n\n")
        stage.engine.end(run.id, Exited(1))
        await stage.service.supervisor.look()
        found = await stage.run(run.id)
        assert found.state is RunState.FAILED
        assert found.reason.endswith("Its last words: /usr/bin/python: No module named livespark")


async def test_a_worker_that_said_how_it_ended_is_believed(tmp_path: Path) -> None:
    """Also when its last words come out of the spool."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        stage.engine.end(run, Exited(1), [(1, batch(2, row(1), Status(RunState.COMPLETED)))])
        await stage.service.supervisor.look()
        assert (await stage.run(run)).state is RunState.COMPLETED
        assert len(await stage.events(run)) == 4


async def test_leftovers_are_committed_once(tmp_path: Path) -> None:
    """Whatever part of them had been acknowledged before."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        await stage.report(run, 2, row(1))
        await stage.report(run, 3, row(2))
        left = [(1, batch(i + 1, row(i))) for i in range(1, 201)]
        stage.engine.end(run, Gone(), left)
        await stage.service.supervisor.look()
        assert (await stage.events(run))[2:-1] == [row(i) for i in range(1, 201)]


async def test_damaged_leftovers_leave_a_visible_gap(tmp_path: Path) -> None:
    """A notice says that something is missing."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        stage.engine.end(run, Gone(), [(1, batch(2, row(1))), (1, batch(4, row(3)))])
        await stage.service.supervisor.look()
        notices = [event for event in await stage.events(run) if isinstance(event, Notice)]
        assert [notice.code for notice in notices] == ["events-lost"]
        assert (await stage.run(run)).state is RunState.FAILED


async def test_open_commands_are_answered_when_the_process_is_gone(tmp_path: Path) -> None:
    """Started ones with unknown, others with refused; who waits for one hears it."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        await stage.ask(run, "a")
        waiting = asyncio.create_task(stage.ask(run, "b", wait=30))
        await stage.report(run, 2, Started(CommandId("a"), 1))
        await asyncio.sleep(0.01)
        stage.engine.end(run, Exited(-9))
        await stage.service.supervisor.look()
        started = (await stage.service.commands.get(run, "a", 0)).answer
        assert started is not None
        assert started.outcome == "unknown"
        never = (await waiting).answer
        assert isinstance(never, Answer)
        assert never.outcome == "refused"
        with pytest.raises(Refused, match="ended"):
            await stage.ask(run, "c")


async def test_a_silent_worker_is_lost_and_found(tmp_path: Path) -> None:
    """Not by the wall clock, only once, and it goes back to the state it had."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        await stage.report(run, 2, Status(RunState.PAUSED))
        stage.clock.advance(59)
        await stage.service.supervisor.look()
        assert (await stage.run(run)).state is RunState.PAUSED
        stage.clock.advance(2)
        await stage.service.supervisor.look()
        await stage.service.supervisor.look()
        assert (await stage.run(run)).state is RunState.LOST
        await stage.report(run, 3, row(1))
        assert (await stage.run(run)).state is RunState.PAUSED
        states = [event.state for event in await stage.events(run) if isinstance(event, Status)]
        assert states == ["starting", "running", "paused", "lost", "paused"]


async def test_a_lost_run_whose_process_is_gone_has_failed(tmp_path: Path) -> None:
    """Only the engine turns lost into failed."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        stage.clock.advance(61)
        await stage.service.supervisor.look()
        stage.engine.end(run, Gone())
        await stage.service.supervisor.look()
        assert (await stage.run(run)).state is RunState.FAILED


async def test_a_worker_that_has_nothing_to_say_is_heard_all_the_same(tmp_path: Path) -> None:
    """Its empty reports count, and cost no commit."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        for _ in range(10):
            stage.clock.advance(50)
            assert (await stage.service.intake.report(run, Report(1))).acknowledged == 1
            await stage.service.supervisor.look()
        found, stored = await stage.run(run), await stage.store.get_run(run)
        assert stored is not None
        assert (found.state, found.heard) == (RunState.RUNNING, stage.clock.now())
        assert stored.heard == stage.clock.now() - 500


async def test_a_restarted_server_adopts_its_runs(tmp_path: Path) -> None:
    """Living ones go on, dead ones are settled, queued ones are started, and half-settled ends are finished."""
    engine = FakeEngine()
    async with staged(tmp_path, engine) as stage:
        living, dead, ended = [await stage.running(key) for key in ("a", "b", "c")]
        await stage.ask(ended, "open")
        await stage.report(ended, 2, Status(RunState.COMPLETED))
        queued = (await stage.store.create_run(submit("d"), stage.service.runs._draft(submit("d"))))[0].id
    engine.end(dead, Exited(-9), [(1, batch(2, row(1)))])
    engine.end(ended, Exited(0))
    async with staged(tmp_path, engine) as stage:
        await eventually(lambda: queued in engine.launches)
        await stage.settle_down()
        await stage.service.supervisor.look()
        assert await stage.report(living, 2, row(1))
        assert (await stage.run(living)).state is RunState.RUNNING
        assert (await stage.run(dead)).state is RunState.FAILED
        assert (await stage.run(ended)).state is RunState.COMPLETED
        answer = (await stage.service.commands.get(ended, "open", 0)).answer
        assert answer is not None
        assert answer.outcome == "refused"
        assert stage.service.alive == 2


async def test_a_run_that_was_about_to_start_when_the_server_died_is_not_forgotten(tmp_path: Path) -> None:
    """Nobody knows its process: it has failed, and says so."""
    engine = FakeEngine()
    engine.gate.clear()
    async with staged(tmp_path, engine) as stage:
        run, _ = await stage.service.runs.submit(submit())
        await stage.until_state(run.id, RunState.STARTING)
        await stage.service.supervisor.look()
        assert (await stage.run(run.id)).state is RunState.STARTING
        stage.engine.refusal = "too late"
        engine.gate.set()
    async with staged(tmp_path, FakeEngine()) as stage:
        await stage.service.supervisor.look()
        found = await stage.run(run.id)
        assert found.state is RunState.FAILED
        assert stage.service.alive == 0


async def test_an_engine_that_fails_for_one_run_does_not_for_others(tmp_path: Path) -> None:
    """The others are looked after all the same."""

    class Flaky(FakeEngine):
        broken: RunId | None = None

        def observe(self, run: RunId) -> Alive | Exited | Gone:
            if run == self.broken:
                raise RuntimeError("no")
            return super().observe(run)

    engine = Flaky()
    async with staged(tmp_path, engine) as stage:
        one, two = await stage.running("a"), await stage.running("b")
        engine.broken = one
        engine.end(two, Exited(-9))
        assert not await stage.service.supervisor.look()
        assert (await stage.run(two)).state is RunState.FAILED
        engine.broken = None
        assert await stage.service.supervisor.look()
        assert (await stage.run(one)).state is RunState.RUNNING


async def test_history_is_trimmed_to_its_limit(tmp_path: Path) -> None:
    """By the supervisor, now and then."""
    async with staged(tmp_path, event_limit=50) as stage:
        run = await stage.running()
        await stage.report(run, 2, *map(row, range(200)))
        stage.clock.advance(11)
        found = await stage.until(run, lambda run: run.first_seq > 1)
        assert (found.first_seq, found.last_seq) == (153, 202)


async def test_live_documents_are_saved_now_and_then_and_at_the_end(tmp_path: Path) -> None:
    """Every few seconds at the most, and what was last seen outlives the run."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        await stage.show(run, LiveDelta(1, full=True, values={"lr": 0.1}))
        await stage.service.supervisor.look()
        assert await stage.store.load_live(run) is None
        stage.clock.advance(3)
        await stage.service.supervisor.look()
        assert (await stage.service.runs.live(run)).values == {"lr": 0.1}
        await stage.show(run, LiveDelta(2, values={"lr": 0.2}))
        stage.engine.end(run, Exited(-9))
        await stage.service.supervisor.look()
        saved = await stage.store.load_live(run)
        assert saved is not None
        assert saved.values == {"lr": 0.2}


async def test_the_server_leaves_when_nobody_needs_it(tmp_path: Path) -> None:
    """Not while a run lives or a stream is open, and only after the idle time."""
    async with staged(tmp_path, idle_timeout=10.0) as stage:

        async def pass_time(seconds: int) -> None:
            for _ in range(seconds):
                stage.clock.advance(1)
                await asyncio.sleep(0.002)

        run = await stage.running()
        await pass_time(30)
        assert not stage.left.is_set()
        stage.engine.end(run, Exited(-9))
        await stage.service.supervisor.look()
        async with stage.reader(run):
            await pass_time(8)
            stage.service.touch()
            await pass_time(8)
            assert not stage.left.is_set()
        await pass_time(14)
        assert stage.left.is_set()


@given(st.integers(-64, 255), st.sampled_from(RunState))
def test_every_exit_has_a_cause_a_sentence_and_a_next_step(code: int, state: RunState) -> None:
    """Whatever the number; signals read the same both ways."""
    ending = explain(Exited(code), state)
    assert all((ending.cause, ending.sentence, ending.advice))
    assert str(ending).count(". ") >= 1
    if -32 < code < 0:
        assert explain(Exited(128 - code), state) == ending


def test_no_cause_stands_for_two_things() -> None:
    """Programs can tell them apart."""
    assert len({ending.cause for ending in ENDINGS.values()}) == len(ENDINGS)
