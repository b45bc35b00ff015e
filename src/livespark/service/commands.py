"""Asking a run for something, waiting for the answer, and the worker's stream of what was asked."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from livespark.protocol import sse
from livespark.protocol.codec import encode
from livespark.protocol.commands import Answer, Ask, CommandRecord, Delivery, Snapshot, Stop
from livespark.protocol.events import Status, Timed
from livespark.protocol.ids import CommandId, RunId, is_run_id
from livespark.protocol.lifecycle import RunState
from livespark.protocol.snapshots import LONGEST_LABEL
from livespark.service.channels import Channel, Channels
from livespark.service.clock import Clock
from livespark.service.lines import Line
from livespark.service.refusals import Refused, no_such_command, no_such_run
from livespark.store.base import RunClosed, Store

__all__ = ("Commands",)

_PING: Final = 15.0
_LONGEST_ID: Final = 200


class Commands:
    def __init__(self, store: Store, clock: Clock, channels: Channels, *, ping: float = _PING) -> None:
        self._store = store
        self._clock = clock
        self._channels = channels
        self._ping = ping

    async def ask(self, run: str, ask: Ask, actor: str, wait: float) -> CommandRecord:
        """Commit the command, or find the earlier one of its id; with its answer if that comes within `wait` seconds.

        Raises Refused.
        """
        if not 0 < len(ask.id) <= _LONGEST_ID:
            raise Refused("invalid", f"`id` must have 1 to {_LONGEST_ID} characters; a UUID is best")
        if isinstance(ask.command, Snapshot) and len(ask.command.label) > LONGEST_LABEL:
            raise Refused("invalid", f"`label` may have {LONGEST_LABEL} characters")
        async with self._channels.open(_valid(run)) as channel:
            with channel.waiting_for(ask.id) as answered:
                record = await self._add(channel, ask, actor)
                return await self._wait(record, answered, wait)

    async def get(self, run: str, id: str, wait: float) -> CommandRecord:
        """The command, with its answer if that comes within `wait` seconds. Raises Refused."""
        async with self._channels.open(_valid(run)) as channel:
            with channel.waiting_for(CommandId(id)) as answered:
                record = await self._store.get_command(channel.id, CommandId(id))
                if record is None:
                    raise no_such_command(run, id)
                return await self._wait(record, answered, wait)

    async def deliveries(self, channel: Channel, line: Line, after: int) -> AsyncGenerator[bytes]:
        """What the worker shall do and how many watch it, as SSE, until the line is closed.

        A command that was started once, by whatever incarnation, is never delivered again.
        """
        watchers = -1
        yield sse.comment()
        while not line.closed:
            line.awake()
            pieces = [self._delivery(record) for record in await self._store.open_commands(channel.id, after)]
            after = max([after, *(number for number, _ in pieces)])
            chunk = b"".join(frame for _, frame in pieces)
            if channel.watchers != watchers:
                watchers = channel.watchers
                chunk += sse.frame(encode({"watchers": watchers}), event="watch")
            if chunk:
                yield chunk
            elif not await line.sleep(self._ping):
                yield sse.comment()

    async def _add(self, channel: Channel, ask: Ask, actor: str) -> CommandRecord:
        try:
            record = await self._store.add_command(channel.id, ask, actor, now=self._clock.now())
        except RunClosed as error:
            raise Refused("run-ended", f"run {channel.id} has ended ({error.state.value})") from None
        finally:
            channel.call_worker()
        if isinstance(ask.command, Stop) and channel.current.state is RunState.QUEUED:
            await self._cancel(channel, ask.id, actor)
        return record

    async def _cancel(self, channel: Channel, id: CommandId, actor: str) -> None:
        """A stop before the start: the run never begins."""
        again = " again" if channel.current.incarnation else ""
        reason = f"stopped by {actor} before it started{again}"
        cancelled = Timed(self._clock.now(), Status(RunState.CANCELLED, reason=reason))
        stands = await self._store.append_events(channel.id, [cancelled], expected=RunState.QUEUED)
        if stands.state is RunState.CANCELLED:
            answer = Answer("applied", message=f"the run had not started{again}")
            await self._store.answer_command(channel.id, id, answer, now=self._clock.now())

    async def _wait(self, record: CommandRecord, answered: asyncio.Event, wait: float) -> CommandRecord:
        if record.answer is None and wait > 0 and not answered.is_set():
            try:
                async with asyncio.timeout(wait):
                    await answered.wait()
            except TimeoutError:
                return record
        if record.answer is None and answered.is_set():
            return await self._store.get_command(RunId(record.run), record.id) or record
        return record

    def _delivery(self, record: CommandRecord) -> tuple[int, bytes]:
        if record.started is not None:
            return record.number, b""
        delivery = Delivery(record.number, record.id, record.actor, record.command)
        return record.number, sse.frame(encode(delivery), id=str(record.number))


def _valid(run: str) -> RunId:
    if not is_run_id(run):
        raise no_such_run(run)
    return RunId(run)
