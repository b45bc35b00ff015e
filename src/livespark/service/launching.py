"""From `queued` to a process that is under way."""

import asyncio
import logging
from pathlib import Path
from typing import Final

from livespark.engine.base import Engine, EngineError
from livespark.protocol.events import Status, Timed
from livespark.protocol.ids import RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.policy import Scope
from livespark.protocol.runs import Launch, Submit
from livespark.service.access import digest_of, new_token
from livespark.service.clock import Clock
from livespark.store.base import Credential, Store

__all__ = ("Launcher",)

_FIRST: Final = 1
_log: Final = logging.getLogger(__name__)


class Launcher:
    """Starts each queued run once. `under_way` are those whose process the engine is about to start."""

    def __init__(self, store: Store, engine: Engine, clock: Clock, server_file: Path) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._server_file = server_file
        self.under_way: set[RunId] = set()

    async def launch(self, run: RunId) -> None:
        """Start the run's process, unless it was cancelled meanwhile. What goes wrong becomes the run's end."""
        self.under_way.add(run)
        try:
            submit = await self._store.get_submit(run)
            token = new_token()
            worker = Credential(digest_of(token), Scope.WORKER, "worker", self._clock.now(), run=run)
            if submit and await self._store.begin(run, _FIRST, worker, now=self._clock.now()):
                await self._start(self._launch(run, submit, token))
        finally:
            self.under_way.discard(run)

    async def _start(self, launch: Launch) -> None:
        try:
            await asyncio.to_thread(self._engine.start, launch)
        except EngineError as error:
            await self._fail(launch.run, str(error))
        except Exception as error:
            _log.exception("run %s could not be started", launch.run)
            await self._fail(launch.run, f"the run could not be started ({error}). The server's log tells more")

    async def _fail(self, run: RunId, reason: str) -> None:
        await self._store.append_events(run, [Timed(self._clock.now(), Status(RunState.FAILED, reason=reason))])

    def _launch(self, run: RunId, submit: Submit, token: str) -> Launch:
        return Launch(
            run=run,
            incarnation=_FIRST,
            entry=submit.entry,
            cwd=submit.cwd,
            python=submit.python,
            env=submit.env,
            mode=submit.mode,
            config=submit.config,
            exit_on_end=submit.exit_on_end,
            server_file=str(self._server_file),
            token=token,
            reloading=submit.reloading,
        )
