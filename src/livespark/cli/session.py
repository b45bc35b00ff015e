"""Starting and following one run in the terminal: one stream in, Ctrl-C out, an exit code at the end."""

import asyncio
import contextlib
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any, Final

from livespark import settings
from livespark.cli import browser
from livespark.cli.interrupts import Interrupts
from livespark.cli.last_resort import kill_worker
from livespark.cli.narrator import Effect, Narrator, Say
from livespark.cli.screen import Screen
from livespark.client import AsyncClient
from livespark.client.outcomes import result
from livespark.errors import CommandRefused, LivesparkError, OutcomeUnknown
from livespark.protocol.commands import Stop
from livespark.protocol.ids import RunId
from livespark.protocol.lifecycle import exit_code
from livespark.protocol.runs import Run, Submit
from livespark.transport.position import Position
from livespark.version import __version__

__all__ = ("Session",)

_REDRAW: Final = 0.1
_LATE: Final = 0.25
_LEFT: Final = 130
_NOBODY_READS: Final = 1


class Session:
    """Starts a run, shows it until it ends. Ctrl-C and SIGTERM stop it, then kill it, then leave it alone.

    SIGHUP, or a terminal that is gone, leaves it alone at once.
    """

    def __init__(self, client: AsyncClient, screen: Screen) -> None:
        self._client = client
        self._screen = screen
        self._narrator = Narrator()
        self._run: RunId | None = None
        self._over: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        client.api.trouble = self._trouble

    async def follow(self, submit: Submit, *, show: bool, look: bool) -> int:
        """From submitting to the run's end. -> the exit code. Raises LivesparkError for what is in the way."""
        with Interrupts(self._interrupted, lambda: self._finish(0)) as interrupts:
            self._begin(self._start(submit, interrupts, show=show, look=look))
            try:
                return await self._over
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
                with contextlib.suppress(OSError):
                    self._screen.close()

    async def _start(self, submit: Submit, interrupts: Interrupts, *, show: bool, look: bool) -> None:
        run = await self._client.submit(submit)
        self._run = run.id
        await self._welcome(run.id, show=show, look=look)
        if interrupts.count:
            self._begin(self._stop(run.id))
        self._begin(self._redraw())
        await self._read(run.id)

    async def _welcome(self, run: RunId, *, show: bool, look: bool) -> None:
        """The address, in the browser too where one is wanted and likely."""
        code = (await self._client.code()).code if show else ""
        page = browser.page((await self._client.api.address()).url, run, code)
        opened = look and await asyncio.to_thread(browser.opens, page)
        self._screen.header(f"Livespark {__version__}   {page}{'   (opened)' if opened else ''}")

    async def _read(self, run: RunId) -> None:
        position = Position(output=0, live=self._screen.draws)
        try:
            async with aclosing(self._client.api.follow(f"/api/runs/{run}/events", position)) as messages:
                async for message in messages:
                    self._narrator.picture.trouble = ""
                    for effect in self._narrator.take(message):
                        self._perform(effect)
        except OSError:
            return self._finish(_NOBODY_READS)
        end = self._narrator.end.run if self._narrator.end else await self._client.run(run).fetch()
        return self._finish(_code(end))

    def _perform(self, effect: Effect) -> None:
        if isinstance(effect, Say) and effect.late:
            self._begin(self._perform_late(effect))
        else:
            self._screen.perform(effect)

    async def _perform_late(self, effect: Effect) -> None:
        await asyncio.sleep(_LATE)
        with contextlib.suppress(OSError):
            self._screen.perform(effect)

    async def _redraw(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._screen.draw(self._narrator.picture)
                await asyncio.sleep(_REDRAW)

    def _interrupted(self, count: int) -> None:
        if count == 1:
            self._say("stopping at the next checkpoint; Ctrl-C again kills it")
            if self._run:
                self._begin(self._stop(self._run))
        elif count == 2 and self._run:
            self._say("killing it")
            self._begin(self._kill(self._run))
        else:
            self._say("leaving; what runs is on its own")
            self._finish(_LEFT)

    async def _stop(self, run: RunId) -> None:
        try:
            result(await self._client.run(run).ask(Stop()))
        except (CommandRefused, OutcomeUnknown):
            return  # It has ended in the meantime; the stream tells how.
        except LivesparkError as error:
            self._say(f"{error}. Ctrl-C again kills it")

    async def _kill(self, run: RunId) -> None:
        try:
            await self._client.run(run).kill(grace=0)
        except LivesparkError as error:
            if not kill_worker(settings.load(), run):
                self._say(f"it could not be killed: {error}")

    def _trouble(self, problem: Exception) -> None:
        """The connection is gone; said once, until it is back."""
        if not self._narrator.picture.trouble:
            self._narrator.picture.trouble = "no connection; trying again"
            self._say(f"{problem}. The run goes on; trying again")

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._screen.say(text)

    def _finish(self, code: int) -> None:
        if not self._over.done():
            self._over.set_result(code)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self._over.done():
            self._over.set_exception(error)


def _code(run: Run) -> int:
    return exit_code(run.state, dev=run.mode == "dev")
