"""A server as seen from outside: its runs, and new ones."""

from types import TracebackType
from typing import Self

from livespark import settings
from livespark.client.choose import choose
from livespark.client.proxy_async import AsyncRunProxy
from livespark.errors import RunNotFound
from livespark.protocol.ids import RunId, is_run_id
from livespark.protocol.runs import Run, RunList, Submit
from livespark.transport.http import AsyncApi
from livespark.transport.local_server import locator
from livespark.transport.reconnect import Reconnect
from livespark.transport.server_info import Code, ServerInfo

__all__ = ("AsyncClient",)

_DEFAULT_RECONNECT = Reconnect()


class AsyncClient:
    """A server: `server` (or LIVESPARK_SERVER), else the local one, which is started when needed. Use it in a `with`
    block.

    `timeout`: seconds that one request may take; `reconnect`: how long to insist while something is followed or waited
    for. Raises SettingsError and UsageError at once, ServerUnavailable with the first request.
    """

    def __init__(
        self,
        server: str | None = None,
        *,
        token: str | None = None,
        timeout: float = 10.0,
        reconnect: Reconnect = _DEFAULT_RECONNECT,
    ) -> None:
        where = locator(settings.load(server=server, token=token))
        self._api = AsyncApi(where, timeout=timeout, reconnect=reconnect)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._api.aclose()

    @property
    def api(self) -> AsyncApi:
        """The HTTP API underneath."""
        return self._api

    async def server(self) -> ServerInfo:
        """What the server says of itself."""
        return await self._api.get("/api/server", ServerInfo)

    async def code(self) -> Code:
        """A code that signs a browser in once, within a minute."""
        return await self._api.post("/api/codes", Code)

    async def runs(self, *, alive: bool = False, limit: int | None = None) -> list[Run]:
        """Runs, newest first: all of them, or only the living, or only the newest `limit`."""
        found: list[Run] = []
        query: dict[str, str] = {"alive": "1"} if alive else {}
        while True:
            page = await self._api.get("/api/runs", RunList, query)
            found.extend(page.runs)
            if page.next is None or (limit is not None and len(found) >= limit):
                return found[:limit]
            query["before"] = repr(page.next)

    async def find(self, wanted: str | None = None) -> Run:
        """The run of that id or beginning of an id; None: the only live one, else the newest.

        Raises RunNotFound, UsageError.
        """
        if wanted is not None and is_run_id(wanted):
            try:
                return await self._api.get(f"/api/runs/{wanted}", Run)
            except RunNotFound:
                pass
        if wanted is None:
            return choose(await self.runs(alive=True) or await self.runs(limit=1), None)
        return choose(await self.runs(), wanted)

    def run(self, id: str) -> AsyncRunProxy:
        """A proxy of the run of that id. Nothing is asked yet."""
        return AsyncRunProxy(self._api, RunId(id))

    async def submit(self, submit: Submit) -> Run:
        """Start a run. Twice under one key is once."""
        return await self._api.post("/api/runs", Run, submit)
