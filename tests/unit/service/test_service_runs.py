"""Submitting and killing runs."""

import asyncio
import signal
from pathlib import Path

import pytest

from livespark.engine.base import Exited
from livespark.protocol.commands import Answer, Stop
from livespark.protocol.events import Answered, Commanded, Status
from livespark.protocol.ids import RunId, is_run_id
from livespark.protocol.lifecycle import RunState
from livespark.protocol.policy import Scope
from livespark.protocol.runs import Entry, Reloading
from livespark.service.names import ADJECTIVES, NOUNS
from livespark.service.refusals import Refused
from livespark.testing.engine import FakeEngine
from tests.unit.service.stage import eventually, staged, submit

pytestmark = pytest.mark.anyio


async def test_a_submitted_run_is_started_once(tmp_path: Path) -> None:
    """Queued first, then starting, with its own secret; the same key again is the same run."""
    async with staged(tmp_path) as stage:
        reloading = Reloading(watch=True, guard=10, metric="val_loss")
        asked = submit(env={"A": "1"}, config={"lr": 0.1}, reloading=reloading)
        run, new = await stage.service.runs.submit(asked)
        again, newer = await stage.service.runs.submit(submit())
        assert (run.state, new) == (RunState.QUEUED, True)
        assert (again.id, newer) == (run.id, False)
        await eventually(lambda: run.id in stage.engine.launches)
        launch = stage.engine.launches[run.id]
        assert (launch.incarnation, launch.env, launch.config) == (1, {"A": "1"}, {"lr": 0.1})
        assert launch.reloading == reloading
        worker = await stage.service.access.authenticate(launch.token)
        assert worker is not None
        assert (worker.scope, worker.run) == (Scope.WORKER, run.id)
        assert await stage.events(run.id) == [Status(RunState.STARTING)]


async def test_what_the_engine_refuses_ends_as_failed(tmp_path: Path) -> None:
    """With the engine's own sentence, and nothing is left to look after."""
    async with staged(tmp_path, FakeEngine(refusal="there is no python there")) as stage:
        run, _ = await stage.service.runs.submit(submit())
        found = await stage.until_state(run.id, RunState.FAILED)
        await stage.settle_down()
        assert (found.state, found.reason) == (RunState.FAILED, "there is no python there")
        await stage.service.supervisor.look()
        assert stage.service.alive == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"entry": Entry()}, "exactly one"),
        ({"entry": Entry(script="a", module="b")}, "exactly one"),
        ({"cwd": "work"}, "absolute"),
        ({"python": ""}, "interpreter"),
        ({"key": ""}, "key"),
        ({"env": {"": "x"}}, "env"),
        ({"env": {"A=B": "x"}}, "env"),
        ({"env": {"A": "x\0"}}, "NUL"),
        ({"entry": Entry(script="a\0b")}, "NUL"),
        ({"reloading": Reloading(guard=-1)}, "guard"),
        ({"reloading": Reloading(guard=10_001)}, "guard"),
        ({"reloading": Reloading(metric="")}, "metric"),
    ],
)
async def test_what_no_engine_could_start_is_refused(tmp_path: Path, changes: dict[str, object], sentence: str) -> None:
    """Before anything is stored."""
    async with staged(tmp_path) as stage:
        with pytest.raises(Refused, match=sentence) as caught:
            await stage.service.runs.submit(submit(**{"key": "k", **changes}))  # type: ignore[arg-type]
        assert caught.value.code == "invalid"
        assert (await stage.service.runs.page(alive_only=False, before=None, limit=5)).runs == []


async def test_a_queued_run_can_be_stopped_before_it_starts(tmp_path: Path) -> None:
    """It ends as cancelled, the command is answered, and its process never begins."""
    async with staged(tmp_path) as stage:
        blocked = await stage.store.create_run(submit(), stage.service.runs._draft(submit()))
        run = blocked[0]
        async with stage.service.channels.open(run.id):
            record = await stage.ask(run.id, "a", Stop())
        assert (await stage.run(run.id)).state is RunState.CANCELLED
        assert [type(event) for event in await stage.events(run.id)] == [Commanded, Status, Answered]
        assert record.answer == Answer("applied", message="the run had not started")
        await stage.service.supervisor._launcher.launch(run.id)
        assert stage.engine.launches == {}


async def test_a_queued_run_can_be_killed_before_it_starts(tmp_path: Path) -> None:
    """It ends as cancelled."""
    async with staged(tmp_path) as stage:
        run, _ = await stage.store.create_run(submit(), stage.service.runs._draft(submit()))
        stage.service.channels.adopt(run, 0.0)
        killed = await stage.service.runs.kill(run.id, 0, "tester")
        assert (killed.state, killed.reason) == (RunState.CANCELLED, "killed by tester before it started")
        await stage.service.supervisor.look()
        assert stage.service.alive == 0


async def test_killing_asks_first_and_insists_after_the_grace(tmp_path: Path) -> None:
    """SIGTERM at once, SIGKILL when the process is still there; the run ends as cancelled."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        await stage.service.runs.kill(run, 10, "tester")
        await eventually(lambda: stage.engine.signals == [(run, signal.SIGTERM)])
        stage.clock.advance(9.0)
        await asyncio.sleep(0.01)
        assert stage.engine.signals == [(run, signal.SIGTERM)]
        for _ in range(5):
            stage.clock.advance(0.5)
            await asyncio.sleep(0.005)
        await eventually(lambda: stage.engine.signals == [(run, signal.SIGTERM), (run, signal.SIGKILL)])
        stage.engine.end(run, Exited(-9))
        await stage.service.supervisor.look()
        found = await stage.run(run)
        assert (found.state, found.reason) == (RunState.CANCELLED, "killed by tester")


async def test_killing_without_grace_kills_at_once(tmp_path: Path) -> None:
    """No SIGTERM is sent; afterwards there is nothing to kill."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        await stage.service.runs.kill(run, 0, "tester")
        await eventually(lambda: stage.engine.signals == [(run, signal.SIGKILL)])
        stage.engine.end(run, Exited(-9))
        await stage.service.supervisor.look()
        with pytest.raises(Refused, match="has ended") as caught:
            await stage.service.runs.kill(run, 0, "tester")
        assert caught.value.code == "run-ended"


async def test_unknown_runs_are_refused_everywhere(tmp_path: Path) -> None:
    """Whatever the name looks like."""
    async with staged(tmp_path) as stage:
        for name in ("no-such", "../etc", "", "A", "x" * 100, "a\0b"):
            for attempt in (
                stage.service.runs.get(name),
                stage.service.runs.live(name),
                stage.service.runs.kill(name, 1, "x"),
                stage.service.runs.output(name, 0, 1),
                stage.ask(name, "id"),
                stage.service.commands.get(name, "id", 0),
            ):
                with pytest.raises(Refused) as caught:
                    await attempt
                assert caught.value.code == "run-not-found"


async def test_runs_come_in_pages(tmp_path: Path) -> None:
    """`next` leads on until there is nothing more."""
    async with staged(tmp_path) as stage:
        for i in range(5):
            stage.clock.advance(1)
            await stage.launched(f"key{i}")
        seen: list[RunId] = []
        before: float | None = None
        while True:
            page = await stage.service.runs.page(alive_only=False, before=before, limit=2)
            seen += [run.id for run in page.runs]
            if page.next is None:
                break
            before = page.next
        assert len(seen) == len(set(seen)) == 5


def test_every_name_is_a_run_id() -> None:
    """And no word stands twice."""
    assert all(is_run_id(f"{adjective}-{noun}") for adjective in ADJECTIVES for noun in NOUNS)
    assert len(set(ADJECTIVES)) == len(ADJECTIVES)
    assert len(set(NOUNS)) == len(NOUNS)


async def test_answers_wait_for_the_worker(tmp_path: Path) -> None:
    """A command's answer comes to who waits for it, and to who asks later; not waiting gives none."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        record = await stage.ask(run, "a")
        assert record.answer is None
        waiting = asyncio.create_task(stage.ask(run, "a", wait=30))
        asking = asyncio.create_task(stage.service.commands.get(run, "a", 30))
        await asyncio.sleep(0.01)
        answer = Answer("applied", step=3)
        await stage.report(run, 2, Answered(record.id, 1, answer))
        assert (await waiting).answer == (await asking).answer == answer
        assert (await stage.ask(run, "a", wait=30)).answer == answer
        assert (await stage.ask(run, "b", wait=0.01)).answer is None
