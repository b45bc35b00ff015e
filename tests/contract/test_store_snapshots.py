"""What every store promises of snapshots, and of runs that are started again."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from livespark.protocol.commands import Failure, Stop
from livespark.protocol.events import (
    Answered,
    Attempt,
    Event,
    Notice,
    Resumed,
    Rewound,
    SnapshotsRemoved,
    Snapshotted,
    Started,
    Status,
)
from livespark.protocol.ids import CommandId, RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.runs import Run
from livespark.protocol.snapshots import Origin, SnapshotInfo
from livespark.store.base import Prospects, Store
from livespark.store.queries import MIGRATIONS
from livespark.store.sqlite import SqliteStore
from tests.contract.test_store_contract import NOW, ask, batch, draft, history, known, row, running, submit, worker

pytestmark = pytest.mark.anyio

BOOM = Failure("ValueError", "boom")
HUGE = 2**70


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["sqlite"])
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with SqliteStore(tmp_path / "store.db") as store:
        yield store


def info(number: int, step: int | None = 7, label: str = "", size: int = 4096) -> SnapshotInfo:
    return SnapshotInfo(number, NOW, "every", step, label, size, metrics={"loss": "nan"})


def attempt(left: int, incarnation: int = 2, error: Failure | None = None) -> Attempt:
    return Attempt(incarnation, left, "it died", 1.0, error)


async def started_with(store: Store, retries: int, key: str = "key") -> RunId:
    """A running run that may be started again."""
    run, _ = await store.create_run(submit(key), replace(draft(), retries=retries))
    assert await store.begin(run.id, 1, worker(run.id, key.encode().ljust(32)), now=NOW)
    await store.append_batches(run.id, 1, [batch(1, Status(RunState.RUNNING))], now=NOW)
    return run.id


async def prospects(store: Store, run: RunId) -> Prospects:
    found = await store.prospects(run)
    assert found is not None
    return found


async def test_where_a_run_comes_from_stays_known(store: Store) -> None:
    """And how often it may be started again."""
    origin = Origin(RunId("old-owl"), 3, "fork", HUGE, ["net"])
    run, _ = await store.create_run(submit(), replace(draft(), origin=origin, retries=4, best="max:f1"))
    assert (run.origin, run.retries, run.best) == (origin, 4, "max:f1")
    assert (await store.list_runs())[0] == run
    other, _ = await store.create_run(submit("other"), draft())
    assert (other.origin, other.retries, other.best) == (None, 0, "")


async def test_a_run_stands_where_its_state_has_gone_back_to(store: Store) -> None:
    """Before it logs again. Where the snapshot knows no step, it stays where it was."""
    run = await running(store)
    origin = Origin(run, 1, "retry")
    told: list[tuple[Event, int]] = [
        (Rewound(1, 8_800, 9_000), 8_800),
        (Rewound(2), 8_800),
        (Resumed(origin, HUGE), HUGE),
        (Resumed(origin), HUGE),
        (row(7), 7),
    ]
    for number, (event, step) in enumerate(told, 2):
        await store.append_batches(run, 1, [batch(number, event)], now=NOW)
        assert (await known(store, run)).step == step


async def test_snapshots_are_listed_by_number_until_they_are_removed(store: Store) -> None:
    """Per run; the newest word about a number counts; one that is gone is still known."""
    run, other = await running(store, "a"), await running(store, "b")
    events: list[Event] = [Snapshotted(info(2)), Snapshotted(info(1)), Snapshotted(info(3, HUGE, "best"))]
    await store.append_batches(run, 1, [batch(2, *events), batch(3, Snapshotted(info(2, 8)))], now=NOW)
    await store.append_batches(other, 1, [batch(2, Snapshotted(info(2, 99)))], now=NOW)
    assert await store.list_snapshots(run) == [info(1), info(2, 8), info(3, HUGE, "best")]
    await store.append_batches(run, 1, [batch(4, SnapshotsRemoved([1, 3, 77, -1, HUGE]))], now=NOW)
    assert await store.list_snapshots(run) == [info(2, 8)]
    assert await store.find_snapshot(run, 2) == (info(2, 8), True)
    assert await store.find_snapshot(run, 3) == (info(3, HUGE, "best"), False)
    assert [await store.find_snapshot(run, number) for number in (0, -1, 4, HUGE)] == [None] * 4
    await store.append_batches(run, 1, [batch(5, Snapshotted(info(1, 9)))], now=NOW)
    assert await store.list_snapshots(run) == [info(1, 9), info(2, 8)]
    assert await store.list_snapshots(other) == [info(2, 99)]
    assert await store.list_snapshots(RunId("no-such")) == []


async def test_snapshots_outlive_their_events_and_their_run(store: Store) -> None:
    """Trimming and settling keep the list; a removal after the end counts, too."""
    run = await running(store)
    await store.append_batches(run, 1, [batch(2, Snapshotted(info(1)), Snapshotted(info(2)))], now=NOW)
    await store.append_batches(run, 1, [batch(3, *map(row, range(5)), Status(RunState.COMPLETED))], now=NOW)
    await store.settle(run, now=NOW)
    await store.trim(run, 1)
    assert await store.list_snapshots(run) == [info(1), info(2)]
    await store.append_events(run, batch(1, SnapshotsRemoved([1], "me")).events)
    assert await store.list_snapshots(run) == [info(2)]


ODD = replace(info(4), metrics={"loss": "boo"})


@pytest.mark.parametrize(
    "odd", [info(0), info(-1), info(HUGE), info(4, size=HUGE), info(4, size=-1), info(4, label="x" * 201), ODD]
)
async def test_a_snapshot_that_no_folder_can_hold_is_left_out(store: Store, odd: SnapshotInfo) -> None:
    """What comes with it is kept."""
    run = await running(store)
    assert await store.append_batches(run, 1, [batch(2, Snapshotted(odd), row(1))], now=NOW) == 2
    assert await store.list_snapshots(run) == []
    assert [stored.event for stored in await history(store, run)][2:] == [row(1)]


async def test_a_run_whose_process_is_gone_is_queued_again(store: Store) -> None:
    """In one commit with the attempt; what was begun is answered, what was not waits for the next worker."""
    run = await started_with(store, 2)
    before = await known(store, run)
    for id in ("begun", "waits"):
        await store.add_command(run, ask(id), "me", now=NOW)
    await store.append_batches(run, 1, [batch(2, Started(CommandId("begun"), 1))], now=NOW)
    await store.greet(run, 1, pid=7, host="here", now=NOW)
    assert await prospects(store, run) == Prospects(2, False, False)
    assert await store.again(run, attempt(1), now=NOW + 1)
    assert not await store.again(run, attempt(1), now=NOW + 1)
    now = await known(store, run)
    assert (now.state, now.reason, now.pid, now.started) == (RunState.QUEUED, "it died", None, before.started)
    last = [stored.event for stored in await history(store, run)][-3:]
    assert isinstance(last[0], Answered)
    assert last[1:] == [attempt(1), Status(RunState.QUEUED, reason="it died")]
    assert [record.id for record in await store.open_commands(run)] == ["waits"]
    assert await prospects(store, run) == Prospects(1, False, False)
    assert await store.begin(run, 2, worker(run, b"2" * 32), now=NOW)
    begun = await known(store, run)
    assert (begun.state, begun.incarnation, begun.reason) == (RunState.STARTING, 2, "")
    assert await store.find_credential(b"key".ljust(32)) is None
    assert await store.append_batches(run, 2, [batch(1, Status(RunState.RUNNING))], now=NOW) == 1


@pytest.mark.parametrize("asked", ["stop", "kill"])
async def test_somebody_who_asks_for_the_end_gets_it(store: Store, asked: str) -> None:
    """However the process ended."""
    run = await started_with(store, 2)
    if asked == "stop":
        await store.add_command(run, ask("a", Stop()), "me", now=NOW)
    else:
        await store.append_events(run, batch(1, Notice("warning", "kill", "me")).events)
    assert await prospects(store, run) == Prospects(2, True, False)
    assert not await store.again(run, attempt(1), now=NOW)
    assert (await known(store, run)).state is RunState.RUNNING


async def test_an_ended_run_is_not_queued_again(store: Store) -> None:
    """An end is for ever."""
    run = await started_with(store, 2)
    await store.append_batches(run, 1, [batch(2, Status(RunState.COMPLETED))], now=NOW)
    assert not await store.again(run, attempt(1), now=NOW)
    assert (await known(store, run)).state is RunState.COMPLETED
    assert await store.prospects(RunId("no-such")) is None


@pytest.mark.parametrize(
    ("error", "step", "repeats"),
    [(BOOM, 5, True), (BOOM, 6, False), (Failure("ValueError", "bang"), 5, False), (None, 5, False)],
)
async def test_the_same_failure_is_known_again(store: Store, error: Failure | None, step: int, repeats: bool) -> None:
    """By its type, message and step."""
    run = await started_with(store, 3)
    await store.append_batches(run, 1, [batch(2, Status(RunState.STOPPING, 5, "boom", BOOM))], now=NOW)
    assert not (await prospects(store, run)).repeats
    assert await store.again(run, attempt(2, error=BOOM), now=NOW)
    assert await store.begin(run, 2, worker(run), now=NOW)
    assert not (await prospects(store, run)).repeats
    await store.append_batches(run, 2, [batch(1, row(1), Status(RunState.STOPPING, step, "x", error))], now=NOW)
    assert (await prospects(store, run)).repeats is repeats


async def test_a_database_of_before_is_brought_up_to_date(tmp_path: Path) -> None:
    """Its runs are all there, without origin and snapshots."""
    path = tmp_path / "store.db"
    columns = (
        "number, id, key, name, mode, epoch, created, entry, cwd, python, config, state, reason, first_seq, last_seq"
    )
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE schema_version (version INTEGER NOT NULL); INSERT INTO schema_version VALUES (3)"
    )
    for script in MIGRATIONS[:3]:
        connection.executescript(script)
    connection.execute(
        f"INSERT INTO runs ({columns}, incarnation, acknowledged, last_command, host, settled) VALUES "
        "(1, 'old-owl', 'k', '', 'run', '0a1b2c3d', 1.0, x'7b7d', '/', 'python', x'7b7d', 'failed', '', 1, 0, "
        "1, 0, 0, '', 1)"
    )
    connection.commit()
    connection.close()
    async with SqliteStore(path) as store:
        old: Run = await known(store, RunId("old-owl"))
        assert (old.origin, old.retries, old.state) == (None, 0, RunState.FAILED)
        assert await store.list_snapshots(old.id) == []
        await store.append_events(old.id, batch(1, Snapshotted(info(1))).events)
        assert await store.list_snapshots(old.id) == [info(1)]
