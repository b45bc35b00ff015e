"""From `queued` to a process that is under way."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from livespark.engine.base import Engine, EngineError
from livespark.protocol.events import Status, Timed
from livespark.protocol.ids import RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.policy import Scope
from livespark.protocol.runs import Launch, Run, Submit
from livespark.protocol.snapshots import Origin
from livespark.service.access import digest_of, new_token
from livespark.service.clock import Clock
from livespark.settings import Settings
from livespark.snapshots.seal import home_key
from livespark.store.base import Credential, Store

__all__ = ("Launcher",)

_log: Final = logging.getLogger(__name__)


class Launcher:
    """Starts each queued run once. `under_way` are those whose process the engine is about to start. `replaced` is told
    of a run whose worker has a new secret."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        clock: Clock,
        settings: Settings,
        replaced: Callable[[RunId], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._settings = settings
        self._replaced = replaced
        self.under_way: set[RunId] = set()

    async def launch(self, run: RunId) -> None:
        """Start the run's next process, unless it was cancelled meanwhile. What goes wrong becomes the run's end."""
        self.under_way.add(run)
        try:
            submit, queued = await self._store.get_submit(run), await self._store.get_run(run)
            token = new_token()
            worker = Credential(digest_of(token), Scope.WORKER, "worker", self._clock.now(), run=run)
            if submit and queued and await self._begin(queued, worker):
                await self._start(queued, submit, token)
        finally:
            self.under_way.discard(run)

    async def _begin(self, queued: Run, worker: Credential) -> bool:
        begun = await self._store.begin(queued.id, queued.incarnation + 1, worker, now=self._clock.now())
        if begun:
            self._replaced(queued.id)
        return begun

    async def _start(self, queued: Run, submit: Submit, token: str) -> None:
        try:
            await asyncio.to_thread(lambda: self._engine.start(self._launch(queued, submit, token)))
        except EngineError as error:
            await self._fail(queued.id, str(error))
        except Exception as error:
            _log.exception("run %s could not be started", queued.id)
            await self._fail(queued.id, f"the run could not be started ({error}). The server's log tells more")

    async def _fail(self, run: RunId, reason: str) -> None:
        await self._store.append_events(run, [Timed(self._clock.now(), Status(RunState.FAILED, reason=reason))])

    def _launch(self, queued: Run, submit: Submit, token: str) -> Launch:
        """Looks into folders."""
        origin = self._origin(queued, submit)
        return Launch(
            run=queued.id,
            incarnation=queued.incarnation + 1,
            entry=submit.entry,
            cwd=submit.cwd,
            python=submit.python,
            env=submit.env,
            mode=submit.mode,
            config=submit.config,
            exit_on_end=submit.exit_on_end,
            server_file=str(self._settings.server_file),
            token=token,
            reloading=submit.reloading,
            snapshots=submit.snapshots,
            snapshot_dir=str(self._settings.snapshot_dir(queued.id)),
            seal=home_key(self._settings.home).hex(),
            origin=origin,
            origin_dir=str(self._settings.snapshot_dir(origin.run)) if origin else "",
            persistent=submit.retries > 0 or submit.restart,
        )

    def _origin(self, queued: Run, submit: Submit) -> Origin | None:
        """A run that is started again goes on from its own newest snapshot; one that died before its first begins as it
        did."""
        if not queued.incarnation or (submit.origin and not self._engine.snapshots(queued.id).numbers()):
            return submit.origin
        return Origin(queued.id, None, "retry")
