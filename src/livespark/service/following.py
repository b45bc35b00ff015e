"""A run's event stream, as SSE: from a cursor on, until its end."""

import asyncio
import functools
from collections.abc import AsyncGenerator
from typing import Final

from msgspec import Struct

from livespark.engine.base import Engine
from livespark.protocol import sse
from livespark.protocol.codec import encode
from livespark.protocol.ids import Cursor
from livespark.protocol.lifecycle import TERMINAL
from livespark.protocol.stream import End, Gap, LiveMessage, OutputMessage, Reset, StreamMessage, Trouble
from livespark.service.channels import Channel, event_frame
from livespark.service.lines import Subscription
from livespark.service.live import full_delta
from livespark.store.base import Store

__all__ = ("Follower", "Wanted")

_PAGE: Final = 1_000
_OUTPUT_PAGE: Final = 256 * 1024
_OUTPUT_PERIOD: Final = 0.05
_PING: Final = 15.0
_RETRY: Final = 1_000


class Wanted(Struct, frozen=True):
    """What a client asked for: events after `cursor` (None: from the first kept), the live document, output from an
    offset."""

    cursor: Cursor | None = None
    live: bool = True
    output: int | None = None


class Follower:
    """One stream. Mutable state: how far the client has got. `subscription` must be the channel's already."""

    def __init__(
        self,
        channel: Channel,
        subscription: Subscription,
        wanted: Wanted,
        *,
        store: Store,
        engine: Engine,
        ping: float = _PING,
    ) -> None:
        self._channel = channel
        self._subscription = subscription
        self._store = store
        self._engine = engine
        self._ping = ping
        self._live = wanted.live
        self._cursor = wanted.cursor
        self._seq = wanted.cursor.seq if wanted.cursor else 0
        self._output = wanted.output
        self._trouble = ""
        self._output_due = self._ping_due = 0.0
        self._more_output = wanted.output is not None

    async def chunks(self) -> AsyncGenerator[bytes]:
        """What to send, piece by piece. Ends with the run, or when the subscription is closed."""
        yield sse.retry(_RETRY) + sse.comment()
        yield await self._greeting()
        while not self._subscription.closed:
            self._subscription.awake()
            settled = self._channel.settled
            chunk = await self._events() + self._deltas() + self._troubles() + await self._outputs(settled)
            if chunk:
                self._ping_due = _now() + self._ping
                yield chunk
            elif settled and self._is_complete():
                yield _frame(End(self._channel.current))
                return
            elif _now() >= self._ping_due:
                self._ping_due = _now() + self._ping
                yield sse.comment()
            else:
                await self._subscription.sleep(self._patience())

    async def _greeting(self) -> bytes:
        run, head = self._channel.current, b""
        if self._cursor and (self._cursor.epoch != run.epoch or self._cursor.seq > run.last_seq):
            self._seq = 0
            head = _frame(Reset(run.epoch, run))
        if not self._live:
            return head
        if self._channel.live.doc is None:
            self._channel.live.restore(await self._store.load_live(run.id))
        self._subscription.take(None)
        return head + _frame(LiveMessage(full_delta(self._channel.live.doc)))

    async def _events(self) -> bytes:
        run = self._channel.current
        if self._seq >= run.last_seq:
            return b""
        frames = self._channel.tail.after(self._seq, _PAGE)
        if frames is not None:
            self._seq += len(frames)
            return b"".join(frames)
        events = await self._store.read_events(run.id, self._seq, _PAGE)
        if not events:
            return b""
        gap = b"" if events[0].seq == self._seq + 1 else _frame(Gap(self._seq + 1, events[0].seq - 1))
        self._seq = events[-1].seq
        return gap + b"".join([event_frame(run, event) for event in events])

    def _deltas(self) -> bytes:
        delta = self._subscription.take(self._channel.live.doc)
        return b"" if delta is None else _frame(LiveMessage(delta))

    def _troubles(self) -> bytes:
        if self._trouble == self._channel.trouble:
            return b""
        self._trouble = self._channel.trouble
        return _frame(Trouble(self._trouble))

    async def _outputs(self, settled: bool) -> bytes:
        """The next piece of output, looked for 20 times a second at the most. `settled`: nothing is written any
        more."""
        if self._output is None or not (self._more_output or settled or _now() >= self._output_due):
            return b""
        read = functools.partial(self._engine.output, settled=settled)
        pieces = await asyncio.to_thread(read, self._channel.id, self._output, _OUTPUT_PAGE)
        self._output_due = _now() + _OUTPUT_PERIOD
        self._more_output = bool(pieces)
        if pieces:
            self._output = pieces[-1].end
        return b"".join([_frame(OutputMessage(piece)) for piece in pieces])

    def _is_complete(self) -> bool:
        run = self._channel.current
        return run.state in TERMINAL and self._seq >= run.last_seq

    def _patience(self) -> float:
        due = self._ping_due if self._output is None else min(self._ping_due, self._output_due)
        return max(0.001, due - _now())


def _now() -> float:
    return asyncio.get_running_loop().time()


def _frame(message: StreamMessage) -> bytes:
    return sse.frame(encode(message))
