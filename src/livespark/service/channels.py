"""What the server holds in memory of a run while it is alive or somebody follows it. Everything here can be had
from the store.

Readers keep a cursor, not a queue: each reads the events after its cursor from the tail in memory, or from the store
when it has fallen behind, and is woken when there is more. So a stuck reader costs nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from livespark.protocol import sse
from livespark.protocol.ids import CommandId, Cursor, RunId
from livespark.protocol.live import LiveDelta
from livespark.protocol.runs import Run
from livespark.service.lines import Line, Subscription, Tail
from livespark.service.live import LiveState
from livespark.service.refusals import no_such_run
from livespark.store.base import Appended, Store, StoredBody

__all__ = ("Channel", "Channels", "event_frame")


def event_frame(run: Run, event: StoredBody) -> bytes:
    """The event as its SSE message."""
    return sse.frame(b'{"is":"event",' + event.body[1:], id=str(Cursor(run.epoch, event.seq)))


class Channel:
    """One run. Mutable state: `run` as of its newest commit, who follows it, and when its worker was last heard:
    `heard` by the monotonic clock, `heard_at` by the wall clock. `acknowledged`: the worker's last committed batch,
    if it is known here.
    """

    def __init__(self, id: RunId, heard: float) -> None:
        self.id = id
        self.run: Run | None = None
        self.settled = False
        self.heard = heard
        self.heard_at: float | None = None
        self.acknowledged: int | None = None
        self.killed_by = ""
        self.trouble = ""
        self.live = LiveState()
        self.tail = Tail()
        self.worker: Line | None = None
        self.users = 0
        self._subscriptions: set[Subscription] = set()
        self._waiting: dict[CommandId, set[asyncio.Event]] = {}

    @property
    def current(self) -> Run:
        if self.run is None:
            raise RuntimeError(f"the channel of {self.id} is not open yet")
        return self.run

    @property
    def watchers(self) -> int:
        """How many clients look at the live document."""
        return sum(subscription.live for subscription in self._subscriptions)

    @property
    def followers(self) -> int:
        """How many event streams are open."""
        return len(self._subscriptions)

    def refresh(self, run: Run) -> None:
        """Take `run`, read from the store, unless a newer commit was announced meanwhile."""
        if self.run is None or run.last_seq > self.run.last_seq:
            self.run = run

    def publish(self, appended: Appended) -> None:
        self.run = appended.run
        self.settled = self.settled or appended.settled
        if not self._subscriptions:
            self.tail.clear()
        elif appended.events:
            frames = [event_frame(appended.run, event) for event in appended.events]
            self.tail.extend(appended.events[-1].seq, frames)
        for subscription in self._subscriptions:
            subscription.wake()
        for event in [event for id in appended.answered for event in self._waiting.get(id, ())]:
            event.set()

    def say_trouble(self, text: str) -> None:
        """What keeps us from committing what the run reports; empty: nothing, any more."""
        if text != self.trouble:
            self.trouble = text
            for subscription in self._subscriptions:
                subscription.wake()

    def show(self, delta: LiveDelta) -> bool:
        """Take the worker's delta and hand it on; False when a full one is needed."""
        taken = self.live.take(delta)
        for subscription in self._subscriptions if taken else ():
            subscription.push(delta)
        return taken

    def call_worker(self) -> None:
        """There is something new for the worker."""
        if self.worker:
            self.worker.wake()

    def close(self) -> None:
        """End every stream and every wait; nothing is lost, the cursors go on elsewhere."""
        for line in (*self._subscriptions, self.worker):
            if line:
                line.close()
        for event in [event for events in self._waiting.values() for event in events]:
            event.set()

    @contextmanager
    def subscribed(self, subscription: Subscription) -> Iterator[Subscription]:
        self._subscriptions.add(subscription)
        self.call_worker()
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)
            self.call_worker()

    @contextmanager
    def worker_line(self) -> Iterator[Line]:
        """The worker's stream of commands. A newer one closes the one before."""
        if self.worker:
            self.worker.close()
        line = self.worker = Line()
        try:
            yield line
        finally:
            if self.worker is line:
                self.worker = None

    @contextmanager
    def waiting_for(self, id: CommandId) -> Iterator[asyncio.Event]:
        """An event that is set when command `id` has its answer."""
        event = asyncio.Event()
        self._waiting.setdefault(id, set()).add(event)
        try:
            yield event
        finally:
            self._waiting[id].remove(event)
            if not self._waiting[id]:
                del self._waiting[id]


class Channels:
    """All channels: of runs whose end is not settled yet, and of ended ones while somebody uses them."""

    def __init__(self, store: Store, settled: Callable[[RunId], None] = lambda _: None) -> None:
        """`settled` is told of every run of which the end is settled."""
        self._store = store
        self._settled = settled
        self._channels: dict[RunId, Channel] = {}
        store.listen(self._publish)

    def __iter__(self) -> Iterator[Channel]:
        return iter(list(self._channels.values()))

    def find(self, run: RunId) -> Channel | None:
        return self._channels.get(run)

    def adopt(self, run: Run, heard: float) -> Channel:
        """The channel of a run that is not settled."""
        channel = self._channels.setdefault(run.id, Channel(run.id, heard))
        channel.refresh(run)
        return channel

    @asynccontextmanager
    async def open(self, id: RunId) -> AsyncIterator[Channel]:
        """The run's channel, for as long as the block lasts. Raises Refused for a run that is not there."""
        channel = self._channels.setdefault(id, Channel(id, 0.0))
        channel.users += 1
        try:
            await self._load(channel)
            yield channel
        finally:
            channel.users -= 1
            self.release(channel)

    def release(self, channel: Channel) -> None:
        """Forget the channel when nobody needs it any more."""
        if not channel.users and (channel.settled or channel.run is None):
            self._channels.pop(channel.id, None)

    async def _load(self, channel: Channel) -> None:
        if channel.run is not None:
            return
        run, settled = await self._store.get_run(channel.id), await self._store.is_settled(channel.id)
        if run is None:
            raise no_such_run(channel.id)
        channel.settled = channel.settled or settled
        channel.refresh(run)

    def _publish(self, appended: Appended) -> None:
        channel = self._channels.get(appended.run.id)
        if channel is not None:
            channel.publish(appended)
        if appended.settled:
            self._settled(appended.run.id)
