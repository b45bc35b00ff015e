"""Submitting, forking, seeing and killing runs."""

import asyncio
import logging
import random
import signal
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from livespark.engine.base import Engine
from livespark.protocol.events import Notice, Status, Timed
from livespark.protocol.ids import RunId, is_run_id
from livespark.protocol.lifecycle import TERMINAL, RunState
from livespark.protocol.live import LiveDoc
from livespark.protocol.runs import Fork, Run, RunList, Submit
from livespark.protocol.stream import Output
from livespark.service.channels import Channel, Channels
from livespark.service.checks import check
from livespark.service.clock import Clock
from livespark.service.forking import child_of, heir_of
from livespark.service.launching import Launcher
from livespark.service.names import new_epoch, wish
from livespark.service.refusals import Refused, no_such_run
from livespark.service.snapshots import Snapshots
from livespark.service.tasks import Tasks
from livespark.store.base import StorageFull, Store
from livespark.store.implied import KILL

__all__ = ("Runs",)

_STEP: Final = 0.05
_PATIENCE: Final = 5.0
_log: Final = logging.getLogger(__name__)


class Runs:
    """Use cases of runs as a whole. `source` draws names and epochs; `environment` is that of forks whose parent's is
    not known any more."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        clock: Clock,
        channels: Channels,
        launcher: Launcher,
        snapshots: Snapshots,
        tasks: Tasks,
        source: random.Random,
        environment: Mapping[str, str],
    ) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._channels = channels
        self._launcher = launcher
        self._snapshots = snapshots
        self._tasks = tasks
        self._source = source
        self._environment = environment

    async def submit(self, submit: Submit) -> tuple[Run, bool]:
        """The run and True, or, where the key is known, the earlier run and False, whatever has become meanwhile of the
        snapshot that it began with. Raises Refused."""
        check(submit)
        if earlier := await self._store.get_run_by_key(submit.key):
            return earlier, False
        if submit.origin:
            submit = msgspec.structs.replace(submit, origin=await self._snapshots.origin(submit.origin))
        if submit.origin and submit.inherits:
            submit = heir_of(submit, await self._store.get_submit(submit.origin.run))
            check(submit)
        run, new = await self._store.create_run(submit, self._draft(submit))
        if new:
            self.start(run)
        return run, new

    async def fork(self, id: str, fork: Fork) -> tuple[Run, bool]:
        """As `submit`, of a run that begins with the state of this one. Raises Refused."""
        run = await self.get(id)
        return await self.submit(child_of(run, await self._store.get_submit(run.id), fork, self._environment))

    def start(self, run: Run, delay: float = 0.0) -> None:
        """Have a queued run's process started `delay` seconds from now, without waiting for it."""
        channel = self._channels.adopt(run, self._clock.monotonic())
        channel.acknowledged = None
        self._tasks.start(self._launch(channel, delay), f"launch of {run.id}")

    async def get(self, id: str) -> Run:
        """Raises Refused."""
        run = await self._store.get_run(RunId(id)) if is_run_id(id) else None
        if run is None:
            raise no_such_run(id)
        return self._seen(run)

    async def page(self, *, alive_only: bool, before: float | None, limit: int) -> RunList:
        runs = await self._store.list_runs(alive_only=alive_only, before=before, limit=limit + 1)
        page = [self._seen(run) for run in runs[:limit]]
        return RunList(page, page[-1].created if len(runs) > limit else None)

    async def live(self, id: str) -> LiveDoc:
        """The live document, empty where the worker has not shown one yet. Raises Refused."""
        run = await self.get(id)
        channel = self._channels.find(run.id)
        doc = channel.live.doc if channel else None
        return doc or await self._store.load_live(run.id) or LiveDoc()

    async def output(self, id: str, after: int, limit: int) -> list[Output]:
        """What the run wrote from byte `after` on. Raises Refused."""
        run = await self.get(id)
        return await asyncio.to_thread(self._engine.output, run.id, after, limit)

    async def kill(self, id: str, grace: float, actor: str) -> Run:
        """SIGTERM to the run's processes, SIGKILL to what is left after `grace` seconds. Raises Refused."""
        run = await self.get(id)
        if run.state is RunState.QUEUED:
            reason = f"killed by {actor} before it started{' again' if run.incarnation else ''}"
            event = Timed(self._clock.now(), Status(RunState.CANCELLED, reason=reason))
            run = await self._store.append_events(run.id, [event], expected=RunState.QUEUED)
        channel = self._channels.find(run.id)
        if channel is None or channel.settled:
            raise Refused("run-ended", f"run {run.id} has ended ({run.state.value})")
        if run.state not in TERMINAL:
            notice = Notice("warning", KILL, f"{actor} asked for the run to be killed")
            run = await self._store.append_events(run.id, [Timed(self._clock.now(), notice)])
        channel.killed_by = actor
        self._tasks.start(self._kill(run.id, grace), f"kill of {run.id}")
        return self._seen(run)

    async def _launch(self, channel: Channel, delay: float) -> None:
        """A disk that is full may be so only for a while."""
        if delay > 0:
            await self._clock.sleep(delay)
        while True:
            channel.heard = self._clock.monotonic()
            try:
                return await self._launcher.launch(channel.id)
            except StorageFull as error:
                _log.warning("run %s can't be started yet: %s", channel.id, error)
            await self._clock.sleep(_PATIENCE)

    async def _kill(self, run: RunId, grace: float) -> None:
        await self._until(lambda: run not in self._launcher.under_way)
        until = self._clock.monotonic() + grace
        if grace > 0:
            await asyncio.to_thread(self._engine.signal, run, signal.SIGTERM)
        await self._until(lambda: self._channels.find(run) is None or self._clock.monotonic() >= until)
        await asyncio.to_thread(self._engine.signal, run, signal.SIGKILL)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._clock.sleep(_STEP)

    def _draft(self, submit: Submit) -> Run:
        return Run(
            id=wish(self._source),
            name=submit.name,
            mode=submit.mode,
            state=RunState.QUEUED,
            epoch=new_epoch(self._source),
            created=self._clock.now(),
            entry=submit.entry,
            cwd=submit.cwd,
            python=submit.python,
            config=submit.config,
            origin=submit.origin,
            retries=submit.retries,
            best=submit.snapshots.best,
        )

    def _seen(self, run: Run) -> Run:
        """The run with what only memory knows."""
        channel = self._channels.find(run.id)
        if channel is None:
            return run
        return msgspec.structs.replace(run, watchers=channel.watchers, heard=channel.heard_at or run.heard)
