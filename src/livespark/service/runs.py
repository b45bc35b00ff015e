"""Submitting, seeing and killing runs."""

import asyncio
import random
import signal
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, Final

import msgspec

from livespark.engine.base import Engine
from livespark.protocol.events import Notice, Status, Timed
from livespark.protocol.ids import RunId, is_run_id
from livespark.protocol.lifecycle import TERMINAL, RunState
from livespark.protocol.live import LiveDoc
from livespark.protocol.runs import Run, RunList, Submit
from livespark.protocol.stream import Output
from livespark.service.channels import Channels
from livespark.service.clock import Clock
from livespark.service.launching import Launcher
from livespark.service.names import new_epoch, wish
from livespark.service.refusals import Refused, no_such_run
from livespark.service.tasks import Tasks
from livespark.store.base import Store

__all__ = ("Runs",)

_STEP: Final = 0.05
_LONGEST_GUARD: Final = 10_000


class Runs:
    """Use cases of runs as a whole. `source` draws names and epochs."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        clock: Clock,
        channels: Channels,
        launcher: Launcher,
        tasks: Tasks,
        source: random.Random,
    ) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._channels = channels
        self._launcher = launcher
        self._tasks = tasks
        self._source = source

    async def submit(self, submit: Submit) -> tuple[Run, bool]:
        """The run and True, or, where the key is known, the earlier run and False. Raises Refused."""
        _check(submit)
        run, new = await self._store.create_run(submit, self._draft(submit))
        if new:
            self.start(run)
        return run, new

    def start(self, run: Run) -> None:
        """Have a queued run's process started, without waiting for it."""
        self._channels.adopt(run, self._clock.monotonic())
        self._tasks.start(self._launcher.launch(run.id), f"launch of {run.id}")

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
            reason = f"killed by {actor} before it started"
            event = Timed(self._clock.now(), Status(RunState.CANCELLED, reason=reason))
            run = await self._store.append_events(run.id, [event], expected=RunState.QUEUED)
        channel = self._channels.find(run.id)
        if channel is None or channel.settled:
            raise Refused("run-ended", f"run {run.id} has ended ({run.state.value})")
        if run.state not in TERMINAL:
            notice = Notice("warning", "kill", f"{actor} asked for the run to be killed")
            run = await self._store.append_events(run.id, [Timed(self._clock.now(), notice)])
        channel.killed_by = actor
        self._tasks.start(self._kill(run.id, grace), f"kill of {run.id}")
        return self._seen(run)

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
        )

    def _seen(self, run: Run) -> Run:
        """The run with what only memory knows."""
        channel = self._channels.find(run.id)
        if channel is None:
            return run
        return msgspec.structs.replace(run, watchers=channel.watchers, heard=channel.heard_at or run.heard)


def _check(submit: Submit) -> None:
    """Raises Refused for what no engine could start."""
    entry = submit.entry
    wrong: list[tuple[bool, str]] = [
        (bool(entry.script) == bool(entry.module), "`entry` must name a `script` or a `module`, exactly one of them"),
        (not PurePath(submit.cwd).is_absolute(), "`cwd` must be an absolute path"),
        (not submit.python, "`python` must name an interpreter"),
        (not submit.key, "`key` must not be empty: it makes repeated submits one"),
        (any(not name or "=" in name for name in submit.env), "`env` has an empty name, or one with `=` in it"),
        (not 0 <= submit.reloading.guard <= _LONGEST_GUARD, f"`reloading.guard` must be 0 to {_LONGEST_GUARD} steps"),
        (not submit.reloading.metric, "`reloading.metric` must name a metric, such as `loss`"),
        (any("\0" in text for text in _texts(submit)), "no text of `entry`, `cwd`, `python`, `env` may contain NUL"),
    ]
    for is_wrong, sentence in wrong:
        if is_wrong:
            raise Refused("invalid", sentence)


def _texts(submit: Submit) -> list[str]:
    entry: Any = submit.entry
    environment = [text for pair in submit.env.items() for text in pair]
    return [entry.script, entry.module, *entry.args, submit.cwd, submit.python, *environment]
