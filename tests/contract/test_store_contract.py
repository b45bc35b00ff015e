"""What every store promises."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from livespark.protocol.codec import decode
from livespark.protocol.commands import Answer, Ask, Command, Failure, Pause, Set, Stop
from livespark.protocol.events import Answered, Batch, Event, Metrics, Notice, Started, Status, Stored, Thinned, Timed
from livespark.protocol.ids import CommandId, Epoch, RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import LiveDoc
from livespark.protocol.policy import Scope
from livespark.protocol.runs import Entry, Run, Submit
from livespark.store.base import Appended, BatchGap, Credential, Fenced, RunClosed, Store, UnknownRun
from livespark.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio

NOW = 1_700_000_000.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["sqlite"])
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with SqliteStore(tmp_path / "store.db") as store:
        yield store


def submit(key: str = "key") -> Submit:
    return Submit(key, Entry(script="train.py", args=["--fast"]), "/work", "/usr/bin/python3", {"SECRET": "hunter2"})


def draft(wish: str = "quiet-otter", created: float = NOW) -> Run:
    return Run(
        id=RunId(wish),
        name="a run",
        mode="dev",
        state=RunState.QUEUED,
        epoch=Epoch("0a1b2c3d"),
        created=created,
        entry=submit().entry,
        cwd="/work",
        python="/usr/bin/python3",
        config={"lr": {"$": "float", "v": "nan"}, "deep": [1, {"a": None}]},
    )


def worker(run: RunId, digest: bytes = b"w" * 32) -> Credential:
    return Credential(digest, Scope.WORKER, "worker", NOW, run=run)


async def begun(store: Store, key: str = "key") -> RunId:
    """A run whose worker is about to be started: one event, `starting`."""
    run, _ = await store.create_run(submit(key), draft())
    assert await store.begin(run.id, 1, worker(run.id, key.encode().ljust(32)), now=NOW)
    return run.id


async def running(store: Store, key: str = "key") -> RunId:
    """A run with two events: `starting`, `running`."""
    run = await begun(store, key)
    await store.append_batches(run, 1, [batch(1, Status(RunState.RUNNING))], now=NOW)
    return run


def batch(number: int, *events: Event, time: float = NOW) -> Batch:
    return Batch(number, [Timed(time, event) for event in events])


def row(step: int) -> Metrics:
    return Metrics([step], [NOW], {"loss": [0.5]})


async def history(store: Store, run: RunId) -> list[Stored]:
    return [decode(event.body, Stored) for event in await store.read_events(run, 0, 10_000)]


async def known(store: Store, run: RunId) -> Run:
    found = await store.get_run(run)
    assert found is not None
    return found


def ask(id: str, command: Command | None = None) -> Ask:
    return Ask(CommandId(id), command or Pause())


async def test_a_run_comes_back_as_it_was_created(store: Store) -> None:
    """What goes in comes out, and what was submitted can be read."""
    run, new = await store.create_run(submit(), draft())
    assert new
    assert run == draft()
    assert await store.get_run(run.id) == run
    assert await store.get_submit(run.id) == submit()
    assert await store.get_run(RunId("no-such")) is None
    assert await store.get_submit(RunId("no-such")) is None


async def test_a_run_is_found_by_its_key(store: Store) -> None:
    """As long as it is known."""
    run, _ = await store.create_run(submit("mine"), draft())
    assert await store.get_run_by_key("mine") == run
    assert await store.get_run_by_key("other") is None


async def test_submitting_twice_under_one_key_makes_one_run(store: Store) -> None:
    """Also when both come at the same time."""
    results = await asyncio.gather(*(store.create_run(submit(), draft(f"run-{i}")) for i in range(8)))
    assert len({run.id for run, _ in results}) == 1
    assert [new for _, new in results].count(True) == 1


async def test_names_are_made_unique(store: Store) -> None:
    """A name that is taken gets a number."""
    runs = [(await store.create_run(submit(f"key{i}"), draft()))[0].id for i in range(3)]
    assert runs == ["quiet-otter", "quiet-otter-2", "quiet-otter-3"]


async def test_runs_are_listed_newest_first_and_in_pages(store: Store) -> None:
    """`before` gives the following page; `alive_only` leaves out what has ended."""
    for i in range(5):
        await store.create_run(submit(f"key{i}"), draft(f"run-{i}", NOW + i))
    await store.append_events(RunId("run-3"), [Timed(NOW, Status(RunState.CANCELLED))])
    page = await store.list_runs(limit=2)
    assert [run.id for run in page] == ["run-4", "run-3"]
    rest = await store.list_runs(before=page[-1].created)
    assert [run.id for run in rest] == ["run-2", "run-1", "run-0"]
    assert "run-3" not in [run.id for run in await store.list_runs(alive_only=True)]


async def test_events_are_numbered_densely_from_one(store: Store) -> None:
    """In order of their commits, per run, with the time that the worker gave."""
    one, two = await running(store, "a"), await running(store, "b")
    await store.append_batches(one, 1, [batch(2, row(1), row(2), time=5.0), batch(3, row(3))], now=NOW)
    assert [stored.seq for stored in await history(store, one)] == [1, 2, 3, 4, 5]
    assert [stored.seq for stored in await history(store, two)] == [1, 2]
    assert (await history(store, one))[2] == Stored(3, 5.0, row(1))
    assert (await known(store, one)).last_seq == 5


async def test_events_are_read_after_a_number_and_up_to_a_limit(store: Store) -> None:
    """Beyond the end there is nothing, whatever the number."""
    run = await running(store)
    await store.append_batches(run, 1, [batch(2, *map(row, range(10)))], now=NOW)
    assert [event.seq for event in await store.read_events(run, 3, 4)] == [4, 5, 6, 7]
    assert await store.read_events(run, 12, 4) == []
    assert await store.read_events(run, 2**53, 4) == []
    assert await store.read_events(RunId("no-such"), 0, 4) == []


async def test_a_page_of_large_events_is_bounded_in_bytes(store: Store) -> None:
    """By about 4 MB, but it holds one event at least."""
    run = await begun(store)
    large = [
        batch(number, Notice("info", "large", "x" * size))
        for number, size in ((1, 3_000_000), (2, 3_000_000), (3, 9_000_000))
    ]
    await store.append_batches(run, 1, large, now=NOW)
    assert [event.seq for event in await store.read_events(run, 0, 100)] == [1, 2, 3]
    assert [event.seq for event in await store.read_events(run, 3, 100)] == [4]


async def test_a_repeated_batch_is_recognised(store: Store) -> None:
    """Sending again what was committed changes nothing, alone or together with something new."""
    run = await running(store)
    assert await store.append_batches(run, 1, [batch(1, Status(RunState.RUNNING))], now=NOW) == 1
    assert await store.append_batches(run, 1, [batch(1, row(7)), batch(2, row(8))], now=NOW) == 2
    assert await store.append_batches(run, 1, [], now=NOW) == 2
    assert [stored.event for stored in await history(store, run)][2:] == [row(8)]


async def test_a_missing_batch_is_noticed(store: Store) -> None:
    """Nothing of the request is committed then, not even what came in order."""
    run = await running(store)
    with pytest.raises(BatchGap) as caught:
        await store.append_batches(run, 1, [batch(2, row(1)), batch(4, row(2))], now=NOW)
    assert caught.value.expected == 3
    assert (await known(store, run)).last_seq == 2


async def test_an_old_incarnation_is_fenced_off(store: Store) -> None:
    """A newer one begins with batch 1; the older can neither greet nor append any more."""
    run = await running(store)
    assert await store.greet(run, 1, pid=11, host="here", now=NOW) == 1
    assert await store.greet(run, 2, pid=12, host="there", now=NOW + 1) == 0
    assert await store.append_batches(run, 2, [batch(1, row(1))], now=NOW) == 1
    with pytest.raises(Fenced):
        await store.greet(run, 1, pid=11, host="here", now=NOW)
    with pytest.raises(Fenced):
        await store.append_batches(run, 1, [batch(2, row(2))], now=NOW)
    found = await known(store, run)
    assert (found.incarnation, found.pid, found.host, found.last_seq) == (2, 12, "there", 3)


async def test_only_a_queued_run_begins_and_only_once(store: Store) -> None:
    """Of a cancel and a begin at the same time, one wins."""
    run, _ = await store.create_run(submit(), draft())
    cancel = Timed(NOW, Status(RunState.CANCELLED))
    results = await asyncio.gather(
        store.append_events(run.id, [cancel], expected=RunState.QUEUED), store.begin(run.id, 1, worker(run.id), now=NOW)
    )
    assert results[1] is False
    assert (await known(store, run.id)).state is RunState.CANCELLED
    assert await store.find_credential(b"w" * 32) is None
    assert not await store.begin(run.id, 1, worker(run.id), now=NOW)


async def test_the_workers_status_is_the_runs_state(store: Store) -> None:
    """With reason, error, step, and the times of start and end."""
    run = await begun(store)
    await store.append_batches(run, 1, [batch(1, Status(RunState.RUNNING, step=0), time=NOW + 1)], now=NOW)
    failed = Status(RunState.FAILED, step=41, reason="it raised", error=Failure("ValueError", "no"))
    await store.append_batches(run, 1, [batch(2, row(40), time=NOW + 2), batch(3, failed, time=NOW + 3)], now=NOW + 9)
    found = await known(store, run)
    assert (found.state, found.step, found.reason) == (RunState.FAILED, 41, "it raised")
    assert found.error == Failure("ValueError", "no")
    assert (found.started, found.ended, found.heard) == (NOW + 1, NOW + 3, NOW + 9)


async def test_the_step_follows_metrics_and_gaps(store: Store) -> None:
    """Also beyond what a database integer holds."""
    run = await running(store)
    await store.append_batches(run, 1, [batch(2, Metrics([5, 6], [NOW, NOW], {"loss": ["nan", 1]}))], now=NOW)
    assert (await known(store, run)).step == 6
    await store.append_batches(run, 1, [batch(3, Thinned(10, 7, 2**70))], now=NOW)
    assert (await known(store, run)).step == 2**70


async def test_an_end_is_for_ever(store: Store) -> None:
    """What comes after is recorded, but the run stays as it ended."""
    run = await running(store)
    await store.append_batches(
        run, 1, [batch(2, Status(RunState.STOPPED)), batch(3, Status(RunState.RUNNING))], now=NOW
    )
    assert (await known(store, run)).state is RunState.STOPPED
    assert len(await history(store, run)) == 4


async def test_a_step_the_lifecycle_does_not_foresee_counts_all_the_same(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker alone knows how it is; the log says that it is odd."""
    run = await running(store)
    await store.append_batches(
        run, 1, [batch(2, Status(RunState.STOPPING)), batch(3, Status(RunState.PAUSED))], now=NOW
    )
    assert (await known(store, run)).state is RunState.PAUSED
    assert "paused reported after stopping" in caplog.text


async def test_the_services_own_status_never_overtakes_the_workers(store: Store) -> None:
    """One that may not follow is left out, and so is all when the run is not in the expected state."""
    run = await running(store)
    await store.append_batches(run, 1, [batch(2, Status(RunState.COMPLETED))], now=NOW)
    stands = await store.append_events(run, [Timed(NOW, Status(RunState.LOST)), Timed(NOW, Notice("info", "x", "y"))])
    assert stands.state is RunState.COMPLETED
    assert [stored.event for stored in await history(store, run)][3:] == [Notice("info", "x", "y")]
    await store.append_events(run, [Timed(NOW, Notice("info", "x", "z"))], expected=RunState.RUNNING)
    assert (await known(store, run)).last_seq == 4


async def test_a_lost_run_goes_back_to_where_it_was(store: Store) -> None:
    """When its worker is heard again; for a run that is not lost this does nothing."""
    run = await running(store)
    await store.append_batches(run, 1, [batch(2, Status(RunState.PAUSED))], now=NOW)
    await store.revive(run, now=NOW)
    await store.append_events(run, [Timed(NOW, Status(RunState.LOST))])
    assert (await known(store, run)).state is RunState.LOST
    await store.revive(run, now=NOW)
    await store.revive(run, now=NOW)
    assert (await known(store, run)).state is RunState.PAUSED
    assert (await known(store, run)).last_seq == 5


async def test_commands_are_numbered_and_asked_once(store: Store) -> None:
    """The same id again is the same command, whatever it says."""
    run = await running(store)
    first = await store.add_command(run, ask("a", Set({"lr": {"$": "float", "v": "nan"}})), "me", now=NOW)
    again = await store.add_command(run, ask("a", Stop()), "you", now=NOW + 1)
    second = await store.add_command(run, ask("b"), "me", now=NOW + 2)
    assert first == again
    assert [first.number, second.number] == [1, 2]
    assert await store.get_command(run, CommandId("a")) == first
    assert await store.get_command(run, CommandId("c")) is None
    assert [record.id for record in await store.open_commands(run)] == ["a", "b"]
    assert [record.id for record in await store.open_commands(run, after=1)] == ["b"]
    assert [type(stored.event).__name__ for stored in await history(store, run)][2:] == ["Commanded", "Commanded"]


async def test_a_command_has_one_answer(store: Store) -> None:
    """The first counts, whether the worker or the service gave it."""
    run = await running(store)
    for id in ("a", "b"):
        await store.add_command(run, ask(id), "me", now=NOW)
    answer = Answer("applied", step=3, value={"$": "int", "v": str(2**70)})
    await store.append_batches(run, 1, [batch(2, Started(CommandId("a"), 1), time=5.0)], now=NOW)
    await store.append_batches(run, 1, [batch(3, Answered(CommandId("a"), 1, answer), time=6.0)], now=NOW)
    await store.answer_command(run, CommandId("a"), Answer("unknown"), now=NOW)
    await store.answer_command(run, CommandId("b"), Answer("refused", message="no"), now=7.0)
    await store.answer_command(run, CommandId("c"), Answer("refused"), now=7.0)
    first, second = await store.get_command(run, CommandId("a")), await store.get_command(run, CommandId("b"))
    assert first is not None
    assert second is not None
    assert (first.started, first.answered, first.answer) == (5.0, 6.0, answer)
    assert (second.started, second.answered, second.answer) == (None, 7.0, Answer("refused", message="no"))
    assert await store.open_commands(run) == []
    assert len([stored for stored in await history(store, run) if isinstance(stored.event, Answered)]) == 2


async def test_an_ended_run_takes_no_commands(store: Store) -> None:
    """But still says what became of those it was asked before."""
    run = await running(store)
    record = await store.add_command(run, ask("a"), "me", now=NOW)
    await store.append_batches(run, 1, [batch(2, Status(RunState.FAILED))], now=NOW)
    with pytest.raises(RunClosed) as caught:
        await store.add_command(run, ask("b"), "me", now=NOW)
    assert caught.value.state is RunState.FAILED
    assert await store.add_command(run, ask("a"), "me", now=NOW) == record


async def test_settling_answers_what_is_open_and_forgets_the_secrets(store: Store) -> None:
    """Started commands end unknown, others refused; environment and worker's token go."""
    run = await running(store)
    for id in ("a", "b", "c"):
        await store.add_command(run, ask(id), "me", now=NOW)
    done: list[Event] = [
        Started(CommandId("a"), 1),
        Answered(CommandId("a"), 1, Answer("applied")),
        Started(CommandId("b"), 2),
    ]
    await store.append_batches(run, 1, [batch(2, *done, Status(RunState.FAILED))], now=NOW)
    assert [found.id for found in await store.unsettled_runs()] == [run]
    assert not await store.is_settled(run)
    await store.settle(run, now=NOW)
    await store.settle(run, now=NOW)
    outcomes = [(await store.get_command(run, CommandId(id))) for id in ("a", "b", "c")]
    answers = [record.answer for record in outcomes if record and record.answer]
    assert [answer.outcome for answer in answers] == ["applied", "unknown", "refused"]
    assert await store.unsettled_runs() == []
    assert await store.is_settled(run)
    forgotten = await store.get_submit(run)
    assert forgotten is not None
    assert (forgotten.env, forgotten.entry) == ({}, submit().entry)
    assert await store.find_credential(b"key".ljust(32)) is None


async def test_trimming_keeps_the_newest_and_says_which_is_the_first(store: Store) -> None:
    """In bounded portions; at least one event is always kept."""
    run = await running(store)
    await store.append_batches(run, 1, [batch(2, *map(row, range(18)))], now=NOW)
    assert await store.trim(run, 5, limit=10) == 10
    assert await store.trim(run, 5, limit=10) == 5
    assert await store.trim(run, 5, limit=10) == 0
    found = await known(store, run)
    assert (found.first_seq, found.last_seq) == (16, 20)
    assert [event.seq for event in await store.read_events(run, 0, 100)] == [16, 17, 18, 19, 20]
    assert await store.trim(run, 0) == 4
    await store.append_batches(run, 1, [batch(3, row(1))], now=NOW)
    assert [event.seq for event in await store.read_events(run, 0, 100)] == [20, 21]


async def test_the_newest_live_document_is_kept(store: Store) -> None:
    """One per run."""
    run = await running(store)
    assert await store.load_live(run) is None
    for version in (1, 2):
        await store.save_live(run, LiveDoc(version, step=7, values={"lr": 0.5}))
    assert await store.load_live(run) == LiveDoc(2, step=7, values={"lr": 0.5})


async def test_credentials_go_with_what_they_were_made_from(store: Store) -> None:
    """Dropping says which ones went."""
    family = [Credential(bytes([i]) * 32, Scope.READ, "x", NOW, parent=bytes([i - 1]) * 32) for i in range(1, 4)]
    other = Credential(b"o" * 32, Scope.CONTROL, "other", NOW, expires=NOW + 5)
    for credential in (Credential(bytes(32), Scope.ADMIN, "root", NOW), *family, other):
        await store.add_credential(credential)
    assert await store.find_credential(family[1].digest) == family[1]
    assert set(await store.drop_credential(family[0].digest)) == {member.digest for member in family}
    assert await store.find_credential(family[2].digest) is None
    assert await store.drop_credential(family[0].digest) == []
    assert await store.find_credential(other.digest) == other
    await store.drop_expired(NOW + 5)
    assert await store.find_credential(other.digest) is None
    assert await store.find_credential(bytes(32)) is not None


async def test_a_credential_can_replace_those_of_its_label(store: Store) -> None:
    """With all that was made from them; putting in the same one again changes nothing."""
    old, new = Credential(b"1" * 32, Scope.ADMIN, "local", NOW), Credential(b"2" * 32, Scope.ADMIN, "local", NOW)
    session = Credential(b"s" * 32, Scope.ADMIN, "session", NOW, parent=old.digest)
    await store.replace_credential(old)
    await store.add_credential(session)
    await store.replace_credential(old)
    assert await store.find_credential(session.digest) == session
    await store.replace_credential(new)
    assert await store.find_credential(old.digest) is None
    assert await store.find_credential(session.digest) is None
    assert await store.find_credential(new.digest) == new


async def test_writes_to_a_run_that_is_not_there_say_so(store: Store) -> None:
    """And leave no trace."""
    ghost = RunId("no-such")
    writes: list[Any] = [
        store.append_batches(ghost, 1, [batch(1, row(1))], now=NOW),
        store.append_events(ghost, [Timed(NOW, Status(RunState.FAILED))]),
        store.greet(ghost, 1, pid=1, host="x", now=NOW),
        store.begin(ghost, 1, worker(ghost), now=NOW),
        store.add_command(ghost, ask("a"), "me", now=NOW),
        store.answer_command(ghost, CommandId("a"), Answer("refused"), now=NOW),
        store.settle(ghost, now=NOW),
        store.revive(ghost, now=NOW),
        store.trim(ghost, 1),
    ]
    for write in writes:
        with pytest.raises(UnknownRun):
            await write
    assert await store.get_command(ghost, CommandId("a")) is None
    assert await store.open_commands(ghost) == []


async def test_the_listener_hears_every_commit_in_order(store: Store) -> None:
    """Before the writer does, with the run as it then stands, and also when the writer was cancelled."""
    heard: list[Appended] = []
    run = await begun(store)
    store.listen(heard.append)
    tasks = [asyncio.create_task(store.append_batches(run, 1, [batch(i, row(i))], now=NOW)) for i in range(1, 51)]
    await asyncio.sleep(0)
    tasks[20].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[20], asyncio.CancelledError)
    assert [event.seq for appended in heard for event in appended.events] == list(range(2, 52))
    assert [appended.run.last_seq for appended in heard] == list(range(2, 52))
    await store.add_command(run, ask("a"), "me", now=NOW)
    await store.answer_command(run, CommandId("a"), Answer("refused"), now=NOW)
    assert heard[-1].answered == ["a"]
    await store.settle(run, now=NOW)
    assert heard[-1].settled


async def test_one_failing_write_fails_alone(store: Store) -> None:
    """Writes that share its commit go through."""
    run = await begun(store)
    good = [store.append_batches(run, 1, [batch(i, row(i))], now=NOW) for i in (1, 2)]
    bad = store.append_batches(run, 1, [batch(9, row(9))], now=NOW)
    results = await asyncio.gather(good[0], bad, good[1], return_exceptions=True)
    assert [results[0], results[2]] == [1, 2]
    assert isinstance(results[1], BatchGap)
    assert (await known(store, run)).last_seq == 3


async def test_what_was_acknowledged_is_there_after_closing(tmp_path: Path) -> None:
    """Closing finishes what waits, and a store opened anew has it all."""
    async with SqliteStore(tmp_path / "store.db") as store:
        run = await begun(store)
        writes = [asyncio.create_task(store.append_batches(run, 1, [batch(i, row(i))], now=NOW)) for i in range(1, 21)]
        await asyncio.sleep(0)
    assert [write.result() for write in writes] == list(range(1, 21))
    async with SqliteStore(tmp_path / "store.db") as store:
        assert (await known(store, run)).last_seq == 21
        assert len(await history(store, run)) == 21
