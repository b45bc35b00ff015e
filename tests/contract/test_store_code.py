"""What every store promises of the source that runs execute."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livespark.protocol.code import CodeFile
from livespark.protocol.codec import decode
from livespark.protocol.commands import Reload
from livespark.protocol.events import Commanded, Reloaded, Source, Stored
from livespark.protocol.ids import CommandId, RunId
from livespark.store.base import Appended, Store
from livespark.store.sqlite import SqliteStore
from tests.contract.test_store_contract import NOW, ask, batch, history, known, row, running

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["sqlite"])
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with SqliteStore(tmp_path / "store.db") as store:
        yield store


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def source(path: str, text: str, step: int | None = None) -> Source:
    return Source(path, digest(text), step, text)


async def runs(store: Store, run: RunId, seq: int | None = None, step: int | None = None) -> dict[str, str | None]:
    """What the run executes then, as texts by path."""
    return {file.path: await store.get_text(run, file.hash) for file in await store.code_at(run, seq=seq, step=step)}


async def test_the_source_of_any_event_and_step_can_be_had_back(store: Store) -> None:
    """Of each file the newest version until then; one without a step counts as before all."""
    run = await running(store)
    first = [source("train.py", "a = 1\n"), source("lib/model.py", "# å\n")]
    later = [source("train.py", "a = 2\n", 10), source("train.py", "a = 3\n", 2**70), source("new.py", "", 12)]
    await store.append_batches(run, 1, [batch(2, *first), batch(3, *later)], now=NOW)
    model = {"lib/model.py": "# å\n"}
    assert await runs(store, run) == model | {"train.py": "a = 3\n", "new.py": ""}
    assert await runs(store, run, seq=2) == {}
    assert await runs(store, run, seq=4) == await runs(store, run, step=9) == model | {"train.py": "a = 1\n"}
    assert await runs(store, run, step=10) == model | {"train.py": "a = 2\n"}
    assert await runs(store, run, step=12) == model | {"train.py": "a = 2\n", "new.py": ""}
    assert await runs(store, run, seq=5, step=2**71) == model | {"train.py": "a = 2\n"}
    assert (await store.code_at(run))[0] == CodeFile("lib/model.py", digest("# å\n"), seq=4, step=None, size=5)
    assert await store.code_at(RunId("no-such")) == []


STEPS = st.none() | st.integers(-3, 3)
VERSIONS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "x\n", "y\n"]), STEPS), max_size=12)


@settings(max_examples=40, deadline=None, database=None)
@given(VERSIONS, STEPS, st.none() | st.integers(0, 16))
def test_the_version_that_counts_is_the_newest_until_then(
    versions: list[tuple[str, str, int | None]], step: int | None, seq: int | None
) -> None:
    """By event and by step, whatever came in whatever order."""

    async def found() -> dict[str, str | None]:
        with tempfile.TemporaryDirectory() as folder:
            async with SqliteStore(Path(folder) / "store.db") as store:
                run = await running(store)
                await store.append_batches(run, 1, [batch(2, *(source(*version) for version in versions))], now=NOW)
                return await runs(store, run, seq, step)

    expected = {
        path: text
        for number, (path, text, at) in enumerate(versions, 3)
        if (seq is None or number <= seq) and (step is None or at is None or at <= step)
    }
    assert asyncio.run(found()) == expected


async def test_clients_get_events_without_the_texts(store: Store) -> None:
    """Streamed and read alike."""
    heard: list[Appended] = []
    run = await running(store)
    store.listen(heard.append)
    await store.append_batches(run, 1, [batch(2, source("train.py", "secret = 1\n", 3))], now=NOW)
    event = Source("train.py", digest("secret = 1\n"), 3)
    assert (await history(store, run))[2] == Stored(3, NOW, event)
    assert [decode(body.body, Stored).event for body in heard[0].events] == [event]
    assert b"secret" not in heard[0].events[0].body


async def test_a_text_is_given_to_those_who_sent_it(store: Store) -> None:
    """Texts are kept once for all runs; but knowing a hash is not having the text, nor is claiming to run it."""
    one, two, three, four = [await running(store, key) for key in "abcd"]
    await store.append_batches(one, 1, [batch(2, source("a.py", "x = 1\n"))], now=NOW)
    await store.append_batches(two, 1, [batch(2, source("b.py", "x = 1\n"))], now=NOW)
    await store.append_batches(three, 1, [batch(2, Source("c.py", digest("x = 1\n")))], now=NOW)
    assert await runs(store, one) == {"a.py": "x = 1\n"}
    assert await runs(store, two) == {"b.py": "x = 1\n"}
    assert await runs(store, three) == {"c.py": None}
    assert await store.code_at(three) == [CodeFile("c.py", digest("x = 1\n"), 3)]
    assert await store.get_text(four, digest("x = 1\n")) is None
    assert await store.get_text(RunId("no-such"), digest("x = 1\n")) is None


async def test_a_version_whose_text_never_came_is_recorded_all_the_same(store: Store) -> None:
    """Without a size; as soon as the run brings the text, under whatever path, it is there."""
    run = await running(store)
    await store.append_batches(run, 1, [batch(2, Source("a.py", digest("late\n"), 5))], now=NOW)
    assert await store.code_at(run) == [CodeFile("a.py", digest("late\n"), 3, 5, None)]
    assert await store.get_text(run, digest("late\n")) is None
    await store.append_batches(run, 1, [batch(3, source("b.py", "late\n"))], now=NOW)
    assert await runs(store, run) == {"a.py": "late\n", "b.py": "late\n"}


@pytest.mark.parametrize(
    "forged", [Source("a.py", digest("good\n"), None, "evil\n"), Source("a.py", "x"), Source("a.py", "A" * 64)]
)
async def test_nobody_can_put_another_text_in_the_place_of_a_hash(
    store: Store, caplog: pytest.LogCaptureFixture, forged: Source
) -> None:
    """The event is left out, the log says so, those around it are committed; who runs the right text gets it."""
    run, victim = await running(store, "a"), await running(store, "b")
    await store.append_batches(run, 1, [batch(2, row(1), forged, row(2))], now=NOW)
    assert [stored.event for stored in await history(store, run)][2:] == [row(1), row(2)]
    assert f"run {run}: the source of a.py does not have the hash" in caplog.text
    assert await store.code_at(run) == []
    await store.append_batches(victim, 1, [batch(2, source("b.py", "good\n"))], now=NOW)
    assert await runs(store, victim) == {"b.py": "good\n"}


async def test_the_code_outlives_the_events(store: Store) -> None:
    """What trimming takes away are the events, not what they said of the source."""
    run = await running(store)
    await store.append_batches(run, 1, [batch(2, source("a.py", "1\n"), Reloaded("applied"), row(1))], now=NOW)
    await store.trim(run, 1)
    assert (await known(store, run)).first_seq == 5
    assert await runs(store, run) == {"a.py": "1\n"}
    assert await store.read_reloads(run, 0, 10) == []


async def test_reloads_are_found_among_all_events(store: Store) -> None:
    """In order, after a number, up to a limit, of this run alone."""
    run, other = await running(store, "a"), await running(store, "b")
    events = [Reloaded("applied", "soft", step) for step in range(3)]
    await store.append_batches(run, 1, [batch(2, row(0), *events, row(1))], now=NOW)
    await store.append_batches(other, 1, [batch(2, Reloaded("refused", message="no"))], now=NOW)
    found = await store.read_reloads(run, 0, 10)
    assert [decode(body.body, Stored) for body in found] == [
        Stored(seq, NOW, event) for seq, event in enumerate(events, 4)
    ]
    assert [body.seq for body in await store.read_reloads(run, 4, 1)] == [5]
    assert await store.read_reloads(run, 6, 10) == []


async def test_a_reloads_files_go_to_the_worker_not_into_the_history(store: Store) -> None:
    """The event names the files; the command keeps their texts until it is executed."""
    run = await running(store)
    command = Reload({"model.py": "x = 1\n"}, skip=True)
    record = await store.add_command(run, ask("a", command), "me", now=NOW)
    assert (await history(store, run))[2].event == Commanded(
        CommandId("a"), 1, "me", Reload({"model.py": ""}, skip=True)
    )
    assert record.command == command
    assert [found.command for found in await store.open_commands(run)] == [command]
