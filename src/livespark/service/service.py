"""The control half without HTTP: every use case, and the work that goes on by itself."""

import logging
import os
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final, Self

from livespark.engine.base import Engine
from livespark.errors import LivesparkError
from livespark.protocol.ids import RunId
from livespark.service.access import Access
from livespark.service.channels import Channels
from livespark.service.clock import Clock, SystemClock
from livespark.service.commands import Commands
from livespark.service.following import Follower, Wanted
from livespark.service.history import History
from livespark.service.intake import Intake
from livespark.service.launching import Launcher
from livespark.service.lines import Subscription
from livespark.service.runs import Runs
from livespark.service.snapshots import Snapshots
from livespark.service.supervision import Supervisor
from livespark.service.tasks import Tasks
from livespark.settings import Settings
from livespark.store.base import Credential, Store

__all__ = ("Service",)

_IDLE_PERIOD: Final = 1.0
_log: Final = logging.getLogger(__name__)


class Service:
    """Everything the server can do. Use as an async context manager: inside, runs are supervised.

    `leave` ends the server: it is called when somebody asks for that, and when nobody needs the server any more (see
    `settings.idle_timeout`). `database` says where the store lies. `environment`: for forks whose parent's is not known
    any more; by default this process' own.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        engine: Engine,
        *,
        clock: Clock | None = None,
        source: random.Random | None = None,
        environment: Mapping[str, str] = os.environ,
        database: str = "",
        leave: Callable[[], None] = lambda: None,
        ping: float = 15.0,
        silence: float = 60.0,
    ) -> None:
        self.settings = settings
        self.clock = clock = clock or SystemClock()
        self.started = clock.now()
        self._store = store
        self._engine = engine
        self.database = database
        self.leave = leave
        self._ping = ping
        self._tasks = Tasks()
        self._used = clock.monotonic()
        self.access = Access(store, clock)
        self.channels = Channels(store, self.access.forget_worker)
        self.history = History(store)
        self.intake = Intake(store, clock, self.channels)
        self.commands = Commands(store, clock, self.channels, ping=ping)
        launcher = Launcher(store, engine, clock, settings, self.access.forget_worker)
        source = source or random.SystemRandom()
        self.snapshots = Snapshots(store, engine, clock)
        self.runs = Runs(
            store, engine, clock, self.channels, launcher, self.snapshots, self._tasks, source, environment
        )
        self.supervisor = Supervisor(
            store,
            engine,
            clock,
            self.channels,
            launcher,
            self.runs.start,
            event_limit=settings.event_limit,
            silence=silence,
        )

    async def __aenter__(self) -> Self:
        await self.supervisor.adopt()
        self._tasks.start(self.supervisor.supervise(), "supervision")
        if self.settings.idle_timeout:
            self._tasks.start(self._watch_idleness(), "idle watch")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close_streams()
        await self._tasks.cancel()
        try:
            await self.supervisor.save()
        except LivesparkError as error:
            _log.warning("the newest live documents could not be saved: %s", error)

    @property
    def alive(self) -> int:
        """How many runs are not settled."""
        return sum(1 for channel in self.channels if not channel.settled)

    @property
    def clients(self) -> int:
        """How many event streams are open."""
        return sum(channel.followers for channel in self.channels)

    def touch(self) -> None:
        """Somebody has used the server."""
        self._used = self.clock.monotonic()

    def close_streams(self) -> None:
        """End every stream, so that the server can end."""
        for channel in self.channels:
            channel.close()

    @asynccontextmanager
    async def follow(self, run: str, wanted: Wanted, credential: Credential) -> AsyncIterator[Follower]:
        """The run's event stream. Raises Refused."""
        id = (await self.runs.get(run)).id
        subscription = Subscription(live=wanted.live)
        async with self.channels.open(id) as channel:
            with channel.subscribed(subscription), self.access.attached(credential, subscription):
                yield Follower(channel, subscription, wanted, store=self._store, engine=self._engine, ping=self._ping)

    @asynccontextmanager
    async def deliver(self, run: RunId, after: int, credential: Credential) -> AsyncIterator[AsyncGenerator[bytes]]:
        """The worker's stream of commands numbered above `after`. Raises Refused."""
        async with self.channels.open(run) as channel:
            with channel.worker_line() as line, self.access.attached(credential, line):
                yield self.commands.deliveries(channel, line, after)

    async def _watch_idleness(self) -> None:
        while self.alive or self.clients or self.clock.monotonic() - self._used < self.settings.idle_timeout:
            if self.alive or self.clients:
                self.touch()
            await self.clock.sleep(min(_IDLE_PERIOD, self.settings.idle_timeout))
        self.leave()
