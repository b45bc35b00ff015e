"""A service on a real SQLite store, with an engine that a test steers and a clock that a test advances."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from livespark.protocol import sse
from livespark.protocol.codec import decode
from livespark.protocol.commands import Ask, Command, CommandRecord, Pause
from livespark.protocol.events import Batch, Event, Hello, Receipt, Report, Snapshotted, Status, Stored, Timed, Welcome
from livespark.protocol.ids import CommandId, RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import LiveDelta
from livespark.protocol.policy import Scope
from livespark.protocol.runs import Entry, Run, Submit
from livespark.protocol.stream import StreamMessage
from livespark.service.following import Wanted
from livespark.service.service import Service
from livespark.settings import Settings
from livespark.store.base import Credential
from livespark.store.sqlite import SqliteStore
from livespark.testing.clock import ManualClock
from livespark.testing.engine import FakeEngine
from livespark.version import PROTOCOL
from tests.unit.snapshots.drafts import draft

__all__ = ("LOCAL", "Reader", "Stage", "eventually", "staged", "submit")

LOCAL = Credential(b"l" * 32, Scope.ADMIN, "local", 0.0)
PATIENCE = 5.0


def submit(key: str = "key", **changes: object) -> Submit:
    return Submit(**{"key": key, "entry": Entry(script="x.py"), "cwd": "/", "python": "python", "env": {}, **changes})  # type: ignore[arg-type]


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


class Reader:
    """What a client of an event stream has received; reads on by itself."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self.messages: list[StreamMessage] = []
        self.ids: list[str] = []
        self.chunks = 0
        self.task = asyncio.create_task(self._read(chunks))

    async def _read(self, chunks: AsyncIterator[bytes]) -> None:
        parser = sse.Parser()
        async for chunk in chunks:
            self.chunks += 1
            for message in parser.feed(chunk):
                self.messages.append(decode(message.data, StreamMessage))
                self.ids.append(message.id)

    async def until(self, condition: Callable[[list[StreamMessage]], object]) -> None:
        await eventually(lambda: condition(self.messages))

    async def until_chunks(self, count: int) -> None:
        await eventually(lambda: self.chunks >= count)

    async def end(self) -> list[StreamMessage]:
        """All messages, once the stream has ended."""
        async with asyncio.timeout(PATIENCE):
            await self.task
        return self.messages


class Stage:
    """The service and its surroundings, with short words for what tests do all the time."""

    def __init__(self, settings: Settings, store: SqliteStore, engine: FakeEngine, clock: ManualClock) -> None:
        self.store = store
        self.engine = engine
        self.clock = clock
        self.left = asyncio.Event()
        self.service = Service(
            settings, store, engine, clock=clock, source=random.Random(7), leave=self.left.set, ping=0.05
        )

    async def launched(self, key: str = "key", **changes: object) -> RunId:
        """A run whose process is under way."""
        run, _ = await self.service.runs.submit(submit(key, **changes))
        await eventually(lambda: run.id in self.engine.launches)
        await self.settle_down()
        return run.id

    async def running(self, key: str = "key", **changes: object) -> RunId:
        """A run whose worker has said hello and runs."""
        run = await self.launched(key, **changes)
        await self.hello(run)
        await self.report(run, 1, Status(RunState.RUNNING))
        return run

    async def settle_down(self) -> None:
        """Until no launch is under way."""
        await eventually(lambda: not self.service.supervisor._launcher.under_way)

    async def attempt(self, run: RunId, incarnation: int) -> None:
        """The run's worker of this incarnation, once it is started, says hello and runs. Time goes on meanwhile."""
        await self.until(run, lambda found: found.incarnation == incarnation, tick=0.25)
        await self.settle_down()
        await self.hello(run, incarnation)
        await self.report(run, 1, Status(RunState.RUNNING), incarnation=incarnation)

    async def hello(self, run: RunId, incarnation: int = 1) -> Welcome:
        return await self.service.intake.hello(run, Hello(incarnation, 4711, "here", "3.11", "0.1.0", PROTOCOL))

    async def report(self, run: RunId, number: int, *events: Event, incarnation: int = 1) -> Receipt:
        batch = Batch(number, [Timed(self.clock.now(), event) for event in events])
        return await self.service.intake.report(run, Report(incarnation, [batch]))

    async def saved(self, run: RunId, number: int, step: int | None = None, *, told: bool = True, **more: Any) -> None:
        """The run has taken a snapshot, and `told` of it. `more`: as for `drafts.draft`."""
        folder = self.engine.snapshots(run)
        folder.path.parent.mkdir(parents=True, exist_ok=True)
        info = folder.write(draft(number, step=step, **more))
        if told:
            await self.store.append_events(run, [Timed(self.clock.now(), Snapshotted(info))])

    async def show(self, run: RunId, delta: LiveDelta) -> Receipt:
        return await self.service.intake.report(run, Report(1, live=delta))

    async def ask(self, run: str, id: str, command: Command | None = None, wait: float = 0.0) -> CommandRecord:
        return await self.service.commands.ask(run, Ask(CommandId(id), command or Pause()), "tester", wait)

    async def run(self, id: RunId) -> Run:
        return await self.service.runs.get(id)

    async def until(self, id: RunId, condition: Callable[[Run], bool], tick: float = 0.001) -> Run:
        """The run, once it is so. Time goes on meanwhile, `tick` seconds at once."""
        async with asyncio.timeout(PATIENCE):
            while not condition(run := await self.run(id)):
                self.clock.advance(tick)
                await asyncio.sleep(0.001)
        return run

    async def until_state(self, id: RunId, state: RunState) -> Run:
        return await self.until(id, lambda run: run.state is state)

    async def events(self, run: RunId) -> list[Event]:
        return [decode(stored.body, Stored).event for stored in await self.store.read_events(run, 0, 100_000)]

    @asynccontextmanager
    async def reader(self, run: RunId, wanted: Wanted | None = None) -> AsyncIterator[Reader]:
        async with self.service.follow(run, wanted or Wanted(), LOCAL) as follower:
            reader = Reader(follower.chunks())
            try:
                yield reader
            finally:
                reader.task.cancel()
                await asyncio.gather(reader.task, return_exceptions=True)


@asynccontextmanager
async def staged(home: Path, engine: FakeEngine | None = None, **settings: object) -> AsyncIterator[Stage]:
    """A running service whose home is `home`; entered again after it was left, it is a restarted one."""
    clock = ManualClock()
    async with SqliteStore(home / "store.db") as store:
        chosen = Settings(home=home, **settings)  # type: ignore[arg-type]
        engine = engine or FakeEngine()
        engine.home = home
        stage = Stage(chosen, store, engine, clock)
        async with stage.service:
            yield stage
