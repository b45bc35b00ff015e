"""Seeing to runs whose worker does not: dead ones, silent ones, and those that another server began.

Four times a second the engine is asked how each run's process is. A process that has gone is settled: what it left
in its spool is committed by the same call as its reports, a run without an end is started again (`retrying`) or gets
one, open commands are answered. A server that dies on the way does the rest after its restart: every step may be
repeated.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from livespark.engine.base import Alive, Engine, Exited, Gone, Observation
from livespark.errors import LivesparkError
from livespark.protocol.events import Batch, Notice, Status, Timed
from livespark.protocol.ids import RunId
from livespark.protocol.lifecycle import ALIVE, TERMINAL, RunState
from livespark.protocol.runs import Run
from livespark.service.channels import Channel, Channels
from livespark.service.clock import Clock
from livespark.service.launching import Launcher
from livespark.service.retrying import attempt_after, end_after, loss_of
from livespark.store.base import BatchGap, Fenced, Prospects, Store

__all__ = ("Supervisor",)

_PERIOD: Final = 0.25
_PAUSE: Final = 5.0
_SILENCE: Final = 60.0
_SAVE_EVERY: Final = 3.0
_TRIM_EVERY: Final = 10.0
_GROUP: Final = 64
_WORDS: Final = 64 * 1024
_LINE: Final = 300
_NONE: Final = Prospects(left=0, end_asked=False, repeats=False)
_log: Final = logging.getLogger(__name__)


class Supervisor:
    """`start` has a queued run's process started after so many seconds. `event_limit`: how many events are kept of a
    run; `silence`: seconds until a run counts as lost."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        clock: Clock,
        channels: Channels,
        launcher: Launcher,
        start: Callable[[Run, float], None],
        *,
        event_limit: int,
        silence: float = _SILENCE,
    ) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._channels = channels
        self._launcher = launcher
        self._start = start
        self._event_limit = event_limit
        self._silence = silence
        self._saved = self._trimmed = clock.monotonic()

    async def adopt(self) -> None:
        """Take over what another server left: queued runs are started, all others looked after."""
        for run in await self._store.unsettled_runs():
            if run.state is RunState.QUEUED:
                self._start(run, 0.0)
            else:
                self._channels.adopt(run, self._clock.monotonic())

    async def supervise(self) -> None:
        """Until cancelled."""
        while True:
            healthy = await self.look()
            await self._clock.sleep(_PERIOD if healthy else _PAUSE)

    async def look(self) -> bool:
        """One round. False when something went wrong (the log says what), and the next round should wait."""
        channels = [channel for channel in self._channels if self._is_ours(channel)]
        observations = await asyncio.to_thread(self._observe, [channel.id for channel in channels])
        results = [await self._attend(channel, seen) for channel, seen in zip(channels, observations, strict=True)]
        return all([*results, await self._keep_house()])

    async def save(self) -> None:
        """Store every live document that has changed."""
        for channel in self._channels:
            doc = channel.live.unsaved()
            if doc is not None:
                await self._store.save_live(channel.id, doc)

    def _is_ours(self, channel: Channel) -> bool:
        if channel.run is None or channel.settled or channel.id in self._launcher.under_way:
            return False
        return channel.run.state is not RunState.QUEUED

    def _observe(self, runs: list[RunId]) -> list[Observation | None]:
        return [self._observe_one(run) for run in runs]

    def _observe_one(self, run: RunId) -> Observation | None:
        try:
            return self._engine.observe(run)
        except Exception:
            _log.exception("the engine could not observe run %s", run)
            return None

    async def _attend(self, channel: Channel, seen: Observation | None) -> bool:
        try:
            if isinstance(seen, Exited | Gone):
                await self._bury(channel, seen)
            elif isinstance(seen, Alive):
                await self._listen(channel)
        except LivesparkError as error:
            channel.say_trouble(str(error))
            _log.warning("run %s: %s", channel.id, error)
            return False
        except Exception:
            _log.exception("run %s could not be attended to", channel.id)
            return False
        return seen is not None

    async def _listen(self, channel: Channel) -> None:
        """Say so when a living worker has not been heard for too long."""
        silent = self._clock.monotonic() - channel.heard > self._silence
        if silent and channel.current.state in ALIVE | {RunState.STARTING}:
            reason = f"not heard of for {self._silence:g} s, though its process is there: busy, stopped, or cut off"
            await self._commit(channel.id, Status(RunState.LOST, reason=reason))

    async def _bury(self, channel: Channel, seen: Exited | Gone) -> None:
        await self._ingest(channel.current)
        if channel.current.state not in TERMINAL and await self._goes_on(channel, seen):
            return
        doc = channel.live.unsaved()
        if doc is not None:
            await self._store.save_live(channel.id, doc)
        await self._store.settle(channel.id, now=self._clock.now())
        self._channels.release(channel)
        await asyncio.to_thread(self._engine.forget, channel.id)

    async def _goes_on(self, channel: Channel, seen: Exited | Gone) -> bool:
        """Have the run started again, if it may be; else commit its end. Whether there is more to come."""
        run = channel.current
        loss = loss_of(run, seen, await self._last_words(run))
        prospects = await self._store.prospects(run.id) or _NONE
        attempt = attempt_after(loss, run, await self._store.get_submit(run.id), prospects)
        if attempt and not channel.killed_by:
            if await self._store.again(run.id, attempt, now=self._clock.now()):
                self._start(channel.current, attempt.delay)
                return True
            prospects = await self._store.prospects(run.id) or _NONE  # somebody has asked for its end in between
        end = end_after(loss, run, prospects)
        if channel.killed_by:
            end = Status(RunState.CANCELLED, reason=f"killed by {channel.killed_by}")
        await self._store.append_events(run.id, [Timed(self._clock.now(), end)], expected=run.state)
        return channel.current.state not in TERMINAL

    async def _last_words(self, run: Run) -> str:
        """The last line that was written by a worker which never got to the script: what Python complained about."""
        if run.state is not RunState.STARTING or run.incarnation > 1:
            return ""
        pieces = await asyncio.to_thread(self._engine.output, run.id, 0, _WORDS)
        lines = "".join(piece.text for piece in pieces).strip().splitlines()
        return lines[-1][:_LINE] if lines else ""

    async def _ingest(self, run: Run) -> None:
        """Commit what the dead worker could not send any more. That of earlier ones was, before they were replaced."""
        leftovers = await asyncio.to_thread(self._engine.leftovers, run.id)
        while group := await asyncio.to_thread(_take, leftovers):
            try:
                for incarnation in sorted({number for number, _ in group if number >= run.incarnation}):
                    batches = [batch for number, batch in group if number == incarnation]
                    await self._store.append_batches(run.id, incarnation, batches, now=self._clock.now())
            except Fenced as error:
                _log.warning("run %s: %s", run.id, error)
            except BatchGap as error:
                text = f"what the worker had not sent yet is damaged from batch {error.expected} on, and was left out"
                await self._commit(run.id, Notice("warning", "events-lost", text))
                return

    async def _commit(self, run: RunId, event: Status | Notice) -> None:
        await self._store.append_events(run, [Timed(self._clock.now(), event)])

    async def _keep_house(self) -> bool:
        now = self._clock.monotonic()
        try:
            if now - self._saved >= _SAVE_EVERY:
                self._saved = now
                await self.save()
            if now - self._trimmed >= _TRIM_EVERY:
                self._trimmed = now
                await self._trim()
        except LivesparkError as error:
            _log.warning("%s", error)
            return False
        return True

    async def _trim(self) -> None:
        for channel in self._channels:
            run = channel.run
            if run and run.last_seq - run.first_seq + 1 > self._event_limit:
                while await self._store.trim(run.id, self._event_limit):
                    await self._clock.sleep(0)


def _take(leftovers: Iterator[tuple[int, Batch]]) -> list[tuple[int, Batch]]:
    return list(islice(leftovers, _GROUP))
