"""What the SQLite store promises beyond the contract: opening, one writer, full disks."""

import asyncio
import hashlib
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from livespark.protocol.events import Batch, Notice, Source, Timed
from livespark.protocol.ids import Epoch, RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.policy import Scope
from livespark.protocol.runs import Entry, Run, Submit
from livespark.store.base import Credential, StorageFull, StoreUnusable
from livespark.store.queries import MIGRATIONS, QUERIES
from livespark.store.sqlite import SqliteStore, opening
from livespark.store.sqlite.opening import open_reader

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


async def begun(store: SqliteStore) -> RunId:
    submit = Submit("key", Entry(script="x.py"), "/", "python", {})
    run = Run(RunId("a-b"), "", "run", RunState.QUEUED, Epoch("00000000"), 1.0, submit.entry, "/", "python")
    await store.create_run(submit, run)
    await store.begin(run.id, 1, Credential(b"w" * 32, Scope.WORKER, "worker", 1.0, run=run.id), now=1.0)
    return run.id


def big(number: int, size: int = 100_000) -> Batch:
    return Batch(number, [Timed(1.0, Notice("info", "big", "x" * size))])


async def fill(store: SqliteStore, run: RunId) -> int:
    """Append until the database is full; -> the last committed batch."""
    for number in range(1000):
        try:
            await store.append_batches(run, 1, [big(number + 1)], now=1.0)
        except StorageFull:
            return number
    raise AssertionError("the database never got full")


def size(path: Path) -> int:
    return path.stat().st_size


async def test_a_full_database_refuses_writes_and_loses_nothing(path: Path) -> None:
    """What was acknowledged can still be read, and after trimming there is room again."""
    async with SqliteStore(path, limit=2 * 1024**2) as store:
        run = await begun(store)
        number = await fill(store, run)
        assert 5 < number < 25
        events = await store.read_events(run, 0, 1000)
        assert [event.seq for event in events] == list(range(1, number + 2))
        assert await store.trim(run, 3) > 0
        assert await store.append_batches(run, 1, [big(number + 1)], now=1.0) == number + 1
    assert size(path) <= 2 * 1024**2


async def test_in_a_group_only_what_does_not_fit_fails(path: Path) -> None:
    """Small writes that share a commit with one too large for the database go through."""
    async with SqliteStore(path, limit=1024**2) as store:
        run = await begun(store)
        results = await asyncio.gather(
            store.append_batches(run, 1, [big(1, 10)], now=1.0),
            store.append_events(run, [Timed(1.0, Notice("info", "huge", "x" * 3 * 1024**2))]),
            store.append_batches(run, 1, [big(2, 10)], now=1.0),
            return_exceptions=True,
        )
        assert [results[0], results[2]] == [1, 2]
        assert isinstance(results[1], StorageFull)
        assert [event.seq for event in await store.read_events(run, 0, 10)] == [1, 2, 3]


async def test_a_disk_that_takes_no_more_is_a_full_storage(path: Path) -> None:
    """A write error of the operating system is told as StorageFull; the store goes on when there is room again."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    async with SqliteStore(path) as store:
        run = await begun(store)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (3 * 1024**2, former[1]))
            number = await fill(store, run)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, former)
            signal.signal(signal.SIGXFSZ, handler)
        assert await store.append_batches(run, 1, [big(number + 1)], now=1.0) == number + 1
        assert [event.seq for event in await store.read_events(run, 0, 1000)] == list(range(1, number + 3))


async def test_a_newer_database_is_refused_with_a_sentence(path: Path) -> None:
    """And is not touched."""
    async with SqliteStore(path):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE schema_version SET version = ?", (len(MIGRATIONS) + 1,))
    connection.close()
    with pytest.raises(StoreUnusable, match="newer Livespark"):
        SqliteStore(path)


async def test_a_database_of_the_first_version_is_brought_up_to_date(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in it stays, and takes what is new."""
    with monkeypatch.context() as patch:
        patch.setattr(opening, "MIGRATIONS", MIGRATIONS[:1])
        opening.open_writer(path).close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version FROM schema_version").fetchone() == (1,)
    connection.close()
    async with SqliteStore(path) as store:
        run = await begun(store)
        text = "x = 1\n"
        source = Source("x.py", hashlib.sha256(text.encode()).hexdigest(), text=text)
        await store.append_events(run, [Timed(1.0, source)])
        assert await store.get_text(run, source.hash) == text


@pytest.mark.parametrize(
    "damage", [b"this is no database at all, but long enough to be read as one" * 20, b"\0" * 4096]
)
def test_a_damaged_database_is_refused_with_a_sentence(path: Path, damage: bytes) -> None:
    """Its name stands in the sentence, and its bytes stay as they are."""
    path.write_bytes(damage)

    async def open_it() -> None:
        SqliteStore(path)

    with pytest.raises(StoreUnusable, match=r"damaged|can't be opened"):
        asyncio.run(open_it())
    assert path.read_bytes() == damage


@pytest.mark.parametrize("folder", ["/proc/livespark", "file/below"])
async def test_a_folder_that_cannot_be_written_is_refused_with_a_sentence(tmp_path: Path, folder: str) -> None:
    """Whatever the reason."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnusable, match="can't be written"):
        SqliteStore(tmp_path / folder / "store.db")


async def test_the_file_is_the_owners_alone(path: Path) -> None:
    """Events may hold secrets."""
    async with SqliteStore(path):
        modes = [file.stat().st_mode & 0o777 for file in path.parent.glob("store.db*")]
    assert len(modes) >= 3
    assert set(modes) == {0o600}


async def test_readers_cannot_write(path: Path) -> None:
    """Nor checkpoint: only the writer does either."""
    async with SqliteStore(path) as store:
        await begun(store)
        reader = open_reader(path)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM runs")
        assert reader.execute("PRAGMA wal_autocheckpoint").fetchone()[0] == 0
        reader.close()


async def test_many_writes_share_a_commit(path: Path) -> None:
    """A thousand at once are far fewer commits than a thousand."""
    async with SqliteStore(path) as store:
        run = await begun(store)
        notice = [Timed(1.0, Notice("info", "x", "y"))]
        await asyncio.gather(*(store.append_events(run, notice) for _ in range(1000)))
        written = size(path.with_name("store.db-wal"))
        assert len(await store.read_events(run, 0, 2000)) == 1001
    assert written < 1000 * 4096 / 4


async def test_a_closed_store_says_so(path: Path) -> None:
    """Instead of waiting for ever."""
    store = SqliteStore(path)
    await store.close()
    await store.close()
    with pytest.raises(RuntimeError, match="closed"):
        await store.trim(RunId("a-b"), 1)


def test_every_query_is_named_once_and_used() -> None:
    """What stands in the `.sql` files is what the adapter executes."""
    root = Path(__file__).parents[3] / "src/livespark/store"
    source = "".join(file.read_text() for file in (root / "sqlite").glob("*.py"))
    assert [name for name in QUERIES if f'"{name}"' not in source] == []
    named = [
        line for file in (root / "sql").glob("*.sql") for line in file.read_text().splitlines() if "-- name:" in line
    ]
    assert len(named) == len(QUERIES)


def test_a_migration_that_is_killed_begins_again(path: Path) -> None:
    """A process that ends in the middle of the first one leaves a database that the next process can open."""
    code = f"""
        import os, sqlite3
        from pathlib import Path
        from livespark.store.sqlite import opening
        opening.MIGRATIONS[0] += "; SELECT die();"
        connect = opening._connect
        def deadly(uri):
            connection = connect(uri)
            connection.create_function("die", 0, lambda: os._exit(9))
            return connection
        opening._connect = deadly
        opening.open_writer(Path({str(path)!r}))
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env=os.environ, check=False).returncode == 9

    async def reopened() -> RunId:
        async with SqliteStore(path) as store:
            return await begun(store)

    assert asyncio.run(reopened()) == "a-b"
