"""Event streams: complete, in order, resumable, and harmless when slow."""

import asyncio
from pathlib import Path

import pytest

from livespark.engine.base import Exited
from livespark.protocol.events import Metrics, Status
from livespark.protocol.ids import Cursor, Epoch
from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import LiveDelta, LiveDoc, merge
from livespark.protocol.stream import End, EventMessage, Gap, LiveMessage, OutputMessage, Reset, StreamMessage
from livespark.service.following import Wanted
from livespark.service.refusals import Refused
from tests.unit.service.stage import LOCAL, Reader, eventually, staged

pytestmark = pytest.mark.anyio


def row(step: int) -> Metrics:
    return Metrics([step], [1.0], {"loss": [0.5]})


def numbers(messages: list[StreamMessage]) -> list[int]:
    return [message.seq for message in messages if isinstance(message, EventMessage)]


async def test_a_stream_begins_at_once_with_the_live_document(tmp_path: Path) -> None:
    """Full, before any event, and empty where there is none yet."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        async with stage.service.follow(run, Wanted(), LOCAL) as follower:
            assert (await anext(follower.chunks())).startswith(b"retry: ")
        async with stage.reader(run) as reader:
            await reader.until(lambda messages: len(messages) >= 3)
            assert isinstance(first := reader.messages[0], LiveMessage)
            assert first.live.full
        await stage.show(run, LiveDelta(1, full=True, values={"lr": 0.1}))
        async with stage.reader(run) as reader:
            await reader.until(lambda messages: len(messages) >= 3)
            assert isinstance(first := reader.messages[0], LiveMessage)
            assert first.live.values == {"lr": 0.1}


async def test_events_come_complete_and_in_order(tmp_path: Path) -> None:
    """Backlog first, then as they happen, each with its id; the end comes when the process is gone."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        for number in range(2, 10):
            await stage.report(run, number, *map(row, range(500)))
        async with stage.reader(run, Wanted(live=False)) as reader:
            await reader.until(lambda messages: len(messages) == 4002)
            for number in range(10, 30):
                await stage.report(run, number, row(number))
            await stage.report(run, 30, Status(RunState.COMPLETED))
            stage.engine.end(run, Exited(0))
            await stage.service.supervisor.look()
            messages = await reader.end()
            epoch = (await stage.run(run)).epoch
            assert numbers(messages) == list(range(1, 4024))
            assert isinstance(last := messages[-1], End)
            assert last.run.state is RunState.COMPLETED
            assert reader.ids[:-1] == [f"{epoch}-{seq}" for seq in range(1, 4024)]


async def test_a_stream_goes_on_after_its_cursor(tmp_path: Path) -> None:
    """Nothing is repeated, nothing left out."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        await stage.report(run, 2, *map(row, range(10)))
        epoch = (await stage.run(run)).epoch
        async with stage.reader(run, Wanted(Cursor(epoch, 7), live=False)) as reader:
            await reader.until(lambda messages: len(messages) == 5)
            assert numbers(reader.messages) == [8, 9, 10, 11, 12]


@pytest.mark.parametrize("cursor", [Cursor(Epoch("ffffffff"), 3), Cursor(Epoch(""), 1000)])
async def test_a_cursor_of_another_log_is_reset(tmp_path: Path, cursor: Cursor) -> None:
    """Of another epoch, or beyond the end: the client begins anew."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        epoch = (await stage.run(run)).epoch
        cursor = Cursor(cursor.epoch or epoch, cursor.seq)
        async with stage.reader(run, Wanted(cursor)) as reader:
            await reader.until(lambda messages: len(messages) == 4)
            assert isinstance(reset := reader.messages[0], Reset)
            assert reset.epoch == epoch
            assert numbers(reader.messages) == [1, 2]


async def test_trimmed_history_is_a_gap(tmp_path: Path) -> None:
    """It says which events are missing."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        await stage.report(run, 2, *map(row, range(10)))
        await stage.store.trim(run, 4)
        async with stage.reader(run, Wanted(live=False)) as reader:
            await reader.until(lambda messages: len(messages) == 5)
            assert reader.messages[0] == Gap(1, 8)
            assert numbers(reader.messages) == [9, 10, 11, 12]


async def test_a_slow_reader_reads_again_from_the_store(tmp_path: Path) -> None:
    """However far it falls behind, it gets everything; nothing is queued for it."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        async with stage.service.follow(run, Wanted(live=False), LOCAL) as follower:
            chunks = follower.chunks()
            await anext(chunks)
            await anext(chunks)
            for number in range(2, 62):
                await stage.report(run, number, *map(row, range(100)))
            channel = stage.service.channels.find(run)
            assert channel is not None
            assert len(channel.tail._frames) <= 2000
            reader = Reader(chunks)
            await reader.until(lambda messages: len(messages) >= 6002)
            assert numbers(reader.messages) == list(range(1, 6003))
            reader.task.cancel()
            await asyncio.gather(reader.task, return_exceptions=True)


async def test_readers_of_a_busy_run_share_its_tail(tmp_path: Path) -> None:
    """They hardly ever ask the store."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        reads = 0
        read = stage.store.read_events

        async def counted(*args: object) -> object:
            nonlocal reads
            reads += 1
            return await read(*args)  # type: ignore[arg-type]

        stage.store.read_events = counted  # type: ignore[method-assign, assignment]
        async with stage.reader(run) as one, stage.reader(run) as two:
            await eventually(lambda: len(numbers(one.messages)) == len(numbers(two.messages)) == 2)
            reads = 0
            for number in range(2, 52):
                await stage.report(run, number, row(number))
            await eventually(lambda: len(numbers(one.messages)) == len(numbers(two.messages)) == 52)
            assert reads == 0


async def test_live_deltas_reach_who_watches(tmp_path: Path) -> None:
    """Merged in order they give the worker's document; who does not want them gets none."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        async with stage.reader(run) as reader, stage.reader(run, Wanted(live=False)) as deaf:
            await reader.until(lambda messages: len(messages) == 3)
            assert (await stage.show(run, LiveDelta(1, full=True, values={"a": 1, "b": 1}))).watchers == 1
            await stage.show(run, LiveDelta(2, values={"a": 2}))
            await stage.show(run, LiveDelta(3, values={"c": 3}, dropped=["b"], step=5))
            await stage.report(run, 2, Status(RunState.COMPLETED))
            stage.engine.end(run, Exited(0))
            await stage.service.supervisor.look()
            doc = LiveDoc()
            for message in await reader.end():
                if isinstance(message, LiveMessage):
                    merge(doc, message.live)
            assert doc == LiveDoc(3, step=5, values={"a": 2, "c": 3})
            assert not any(isinstance(message, LiveMessage) for message in await deaf.end())


async def test_deltas_that_a_reader_misses_are_folded_into_one(tmp_path: Path) -> None:
    """A slow reader's next live message holds all changes, however many there were."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        await stage.show(run, LiveDelta(1, full=True, values={"a": 0}))
        async with stage.service.follow(run, Wanted(), LOCAL) as follower:
            chunks = follower.chunks()
            for _ in range(3):
                await anext(chunks)
            for version in range(2, 102):
                await stage.show(run, LiveDelta(version, values={"a": version, f"x{version % 3}": version}))
            reader = Reader(chunks)
            await reader.until(lambda messages: messages)
            assert isinstance(message := reader.messages[0], LiveMessage)
            assert (message.live.version, message.live.values["a"], len(message.live.values)) == (101, 101, 4)
            reader.task.cancel()
            await asyncio.gather(reader.task, return_exceptions=True)


async def test_a_delta_without_a_base_asks_for_a_full_one(tmp_path: Path) -> None:
    """After a hello, after a restart, and when it is older than what is known."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        assert (await stage.show(run, LiveDelta(1, values={"a": 1}))).resync
        assert not (await stage.show(run, LiveDelta(2, full=True, values={"a": 1}))).resync
        assert not (await stage.show(run, LiveDelta(3, values={"a": 2}))).resync
        assert (await stage.show(run, LiveDelta(3, values={"a": 3}))).resync
        await stage.hello(run)
        assert (await stage.show(run, LiveDelta(4, values={"a": 4}))).resync
        assert (await stage.service.runs.live(run)).values == {"a": 2}


async def test_output_comes_with_the_stream_and_to_its_last_byte(tmp_path: Path) -> None:
    """From the asked offset on, also what is written just before the end, half a character included."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        stage.engine.write(run, "one\n")
        stage.engine.write(run, "two\n")
        async with stage.reader(run, Wanted(live=False, output=4)) as reader:
            await reader.until(lambda messages: len(messages) == 3)
            stage.engine.write(run, "three\n")
            await reader.until(lambda messages: len(messages) == 4)
            await stage.report(run, 2, Status(RunState.COMPLETED))
            stage.engine.write(run, "last\n")
            stage.engine.write_half(run, b"\xe4")
            stage.engine.end(run, Exited(0))
            await stage.service.supervisor.look()
            pieces = [message.output for message in await reader.end() if isinstance(message, OutputMessage)]
            assert [piece.text for piece in pieces] == ["two\n", "three\n", "last\n", ""]
            assert pieces[-1].base64 == "5A=="
            assert isinstance(reader.messages[-1], End)


async def test_a_quiet_stream_is_kept_alive(tmp_path: Path) -> None:
    """By comments, with and without output."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        for wanted in (Wanted(), Wanted(output=0)):
            async with stage.reader(run, wanted) as reader:
                await reader.until_chunks(6)
                assert len(reader.messages) == 3


async def test_an_ended_run_is_told_in_full(tmp_path: Path) -> None:
    """History, last live document, end; afterwards nothing of it stays in memory."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        await stage.show(run, LiveDelta(1, full=True, values={"a": 1}))
        await stage.report(run, 2, Status(RunState.STOPPED))
        stage.engine.end(run, Exited(0))
        await stage.service.supervisor.look()
        async with stage.reader(run) as reader:
            messages = await reader.end()
            assert isinstance(first := messages[0], LiveMessage)
            assert first.live.values == {"a": 1}
            assert numbers(messages) == [1, 2, 3]
            assert isinstance(messages[-1], End)
        assert list(stage.service.channels) == []


async def test_the_worker_hears_how_many_watch_and_what_is_asked(tmp_path: Path) -> None:
    """Commands arrive once and in order; a newer stream replaces the older."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        await stage.ask(run, "a")
        seen: list[bytes] = []

        async def listen(after: int, into: list[bytes]) -> None:
            async with stage.service.deliver(run, after, LOCAL) as chunks:
                async for chunk in chunks:
                    into.append(chunk)

        old = asyncio.create_task(listen(0, seen))
        await eventually(lambda: b'"id":"a"' in b"".join(seen) and b'{"watchers":0}' in b"".join(seen))
        async with stage.reader(run):
            await eventually(lambda: b'{"watchers":1}' in b"".join(seen))
        await stage.ask(run, "b")
        await eventually(lambda: b'"id":"b"' in b"".join(seen))
        later: list[bytes] = []
        new = asyncio.create_task(listen(1, later))
        await asyncio.wait_for(old, 5)
        await eventually(lambda: b'"id":"b"' in b"".join(later))
        assert b'"id":"a"' not in b"".join(later)
        assert b"".join(seen).count(b'"id":"b"') == 1
        stage.service.close_streams()
        await asyncio.wait_for(new, 5)


async def test_streams_of_a_revoked_credential_end(tmp_path: Path) -> None:
    """Those of others go on; so do streams when a credential expires."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        await stage.service.access.install("t" * 40, "local")
        master = await stage.service.access.authenticate("t" * 40)
        assert master is not None
        issued = await stage.service.access.spend(stage.service.access.new_code(master).secret)
        async with stage.service.follow(run, Wanted(), issued.credential) as one, stage.reader(run) as other:
            reader = Reader(one.chunks())
            await reader.until(lambda messages: len(messages) == 3)
            await stage.service.access.revoke(issued.credential.digest)
            await reader.end()
            assert not other.task.done()
        assert await stage.service.access.authenticate(issued.secret) is None


async def test_a_credential_has_so_many_streams_and_no_more(tmp_path: Path) -> None:
    """One more is refused."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        opened = [stage.service.follow(run, Wanted(), LOCAL) for _ in range(200)]
        for stream in opened:
            await stream.__aenter__()
        with pytest.raises(Refused) as caught:
            await stage.service.follow(run, Wanted(), LOCAL).__aenter__()
        assert caught.value.code == "too-many"
        for stream in opened:
            await stream.__aexit__(None, None, None)
        assert stage.service.access.streams == 0
