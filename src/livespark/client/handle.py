"""One run as seen from outside: its record, its values, its history, and commands to it."""

import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Any, Final

from livespark.client import series, sources, values
from livespark.client.outcomes import result
from livespark.client.output import OutputPage
from livespark.client.saving import AsyncSaving
from livespark.client.written import Written
from livespark.errors import WaitTimeout
from livespark.protocol.code import CodeList, CodeText, ReloadPage, ReloadRecord
from livespark.protocol.commands import Call, Pause, Resume, Set, Stop
from livespark.protocol.ids import Cursor, RunId
from livespark.protocol.lifecycle import TERMINAL
from livespark.protocol.live import LiveDoc
from livespark.protocol.runs import Run
from livespark.protocol.stream import EventMessage, Gap, Output, Reset
from livespark.transport.http import AsyncApi
from livespark.transport.position import Position
from livespark.transport.seam import aoffload, asleep

__all__ = ("AsyncRunHandle",)

_LOOK: Final = 0.25


class AsyncRunHandle(AsyncSaving):
    """The run `id`. Commands wait for their answer, `timeout` seconds at most (None: for days, if need be)."""

    def __init__(self, api: AsyncApi, id: RunId, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(api, id, clock=clock)
        self._written = Written()

    async def fetch(self) -> Run:
        """The run's record as it is now."""
        return await self._api.get(self._path(), Run)

    async def live(self) -> LiveDoc:
        """The live document as it is now: exposed values, functions, loops."""
        return self._written.amend(await self._api.get(self._path("/live"), LiveDoc))

    async def get(self, path: str) -> Any:
        """The exposed value at `path`, e.g. `state.loss`; containers as dicts and lists. Raises KeyError."""
        return values.value_at(await self.live(), path)

    async def set(self, changes: Mapping[str, Any] | str, value: Any = None, *, timeout: float | None = None) -> Any:
        """Change exposed values, all or none: `set("state.lr", 1e-4)` or `set({"state.lr": 1e-4, ...})`. -> what they
        are now.

        Raises CommandRefused with the reason.
        """
        changes = {changes: value} if isinstance(changes, str) else changes
        nodes = {path: values.encode(item) for path, item in changes.items()}
        now = result(await self.ask(Set(nodes), timeout=timeout))
        self._written.note(now)
        return now

    async def call(self, function: str, /, *args: Any, **kwargs: Any) -> Any:
        """The result of an exposed function, executed in the run.

        Raises CallFailed, Busy, CommandRefused, OutcomeUnknown.
        """
        return result(await self.ask(Call(function, values.encode(args), values.encode(kwargs))))

    async def pause(self, *, timeout: float | None = None) -> None:
        """Let the run stand still at its next checkpoint."""
        result(await self.ask(Pause(), timeout=timeout))

    async def resume(self, *, timeout: float | None = None) -> None:
        """Let the run go on."""
        result(await self.ask(Resume(), timeout=timeout))

    async def stop(self, *, cancel: bool = False, timeout: float | None = None) -> None:
        """End the run at its next checkpoint, as `stopped`, or `cancelled`."""
        result(await self.ask(Stop(cancel), timeout=timeout))

    async def reload(self, *, skip: bool = False, clear: Iterable[str] = (), timeout: float | None = None) -> Any:
        """Take the source that is on the run's disk now. -> `{"kind": "soft" or "hard", "changed": [names]}`.

        `skip`: leave out the item that an exception interrupted. `clear`: keys of persisted values to be made anew.
        Raises CommandRefused with the reason; the old code goes on then.
        """
        return result(await self.ask(sources.asked({}, skip, clear), timeout=timeout))

    async def request_hot_reload(
        self, source: sources.Code, *, skip: bool = False, clear: Iterable[str] = (), timeout: float | None = None
    ) -> Any:
        """Send new source: the script's text, texts by path inside the project, or a list of files to read here.

        Else as `reload`. Raises UsageError where a file can't be read.
        """
        run = await self.fetch()
        files = await aoffload(lambda: sources.named(source, run))
        return result(await self.ask(sources.asked(files, skip, clear), timeout=timeout))

    async def reloads(self) -> list[ReloadRecord]:
        """Every reload so far, applied or not, oldest first: `seq`, `time` and the `event` with diffs."""
        found: list[ReloadRecord] = []
        after: int | None = 0
        while after is not None:
            page = await self._api.get(self._path("/reloads"), ReloadPage, {"after": after})
            found.extend(page.reloads)
            after = page.next
        return found

    async def code(self, step: int | None = None) -> dict[str, str]:
        """The exact source that the run executed at `step` (None: executes now): texts by path."""
        query = {} if step is None else {"step": step}
        listed = await self._api.get(self._path("/code"), CodeList, query)
        texts: dict[str, str] = {}
        for file in listed.files:
            answer = await self._api.get(self._path(f"/code/{file.hash}"), CodeText)
            texts[file.path] = answer.text
        return texts

    async def kill(self, *, grace: float = 10.0) -> Run:
        """End the run's processes: SIGTERM, and SIGKILL after `grace` seconds."""
        return await self._api.post(self._path("/kill"), Run, query={"grace": grace})

    async def wait(self, timeout: float | None = None) -> Run:
        """The run's record once it has ended. Raises WaitTimeout; the run goes on then."""
        deadline = None if timeout is None else self._clock() + timeout
        while True:
            run = await self._api.get(self._path(), Run, patient=True)
            if run.state in TERMINAL:
                return run
            left = self._share(deadline)
            if left <= 0:
                raise WaitTimeout(f"{self._id} is {run.state} after {timeout:g} seconds; it goes on")
            await asleep(min(left, _LOOK))

    async def events(self, after: str | int = 0) -> AsyncGenerator[EventMessage | Gap | Reset]:
        """What has happened since `after` (a cursor `<epoch>-<seq>`, or an event's number) and happens, until the run's
        end.
        """
        cursor = after if isinstance(after, str) else str(Cursor((await self.fetch()).epoch, after))
        async for message in self._api.follow(self._path("/events"), Position(cursor, live=False)):
            if isinstance(message, EventMessage | Gap | Reset):
                yield message

    async def metrics(self, *names: str) -> Any:
        """Metric series: `metrics("loss")` is one `Series`; several names, or none for all, give a dict of them."""
        found: dict[str, series.Series] = {name: series.Series([], [], []) for name in names}
        after: int | None = 0
        query = {"names": ",".join(names)} if names else {}
        while after is not None:
            page = await self._api.get(self._path("/metrics"), series.MetricsPage, {**query, "after": after})
            series.gather(found, page)
            after = page.next
        return found[names[0]] if len(names) == 1 else found

    async def output(self, after: int = 0) -> AsyncGenerator[Output]:
        """What the script has written so far, from byte offset `after` on, in pieces."""
        while True:
            page = await self._api.get(self._path("/output"), OutputPage, {"after": after})
            for piece in page.outputs:
                yield piece
                after = piece.end
            if not page.outputs:
                return
