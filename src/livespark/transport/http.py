"""The HTTP API as a client speaks it: requests that may be repeated, and a stream without end or repetition.

Nothing but this module and its synchronous twin knows httpx2. Every request of ours is idempotent (by its key, or by
nature), so each is tried again when the connection breaks or the server says that it is worth another try.
"""

import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx2

from livespark.errors import ConnectionLost, ServerUnavailable, Unavailable, VersionMismatch
from livespark.protocol import codec, sse
from livespark.protocol.stream import End, StreamMessage
from livespark.transport.address import Address, Locate, is_loopback
from livespark.transport.answers import check, check_stream, decoded, not_understood
from livespark.transport.position import Position
from livespark.transport.processes import alive
from livespark.transport.reconnect import Backoff, Decision, GiveUp, Reconnect, own_uniform
from livespark.transport.seam import aoffload, asleep
from livespark.version import PROTOCOL, __version__

__all__ = ("AsyncApi",)

_T = TypeVar("_T")
_HEADERS: Final = {"Livespark-Protocol": str(PROTOCOL), "User-Agent": f"livespark/{__version__}"}
_PLAIN: Final = {"Accept-Encoding": "identity"}
_STREAM: Final = {"Accept": "text/event-stream"} | _PLAIN
_JSON: Final = {"Content-Type": "application/json"}
_QUICK: Final = Reconnect(initial=0.1, maximum=2.0, attempts=5)
"""For requests that somebody waits for: about two seconds in all."""
_PATIENT: Final = Reconnect()


class AsyncApi:
    """The server that `locate` names. `trouble` is told why a stream, or a patient request, must try again."""

    def __init__(
        self,
        locate: Locate,
        *,
        timeout: float = 10.0,
        insist: Reconnect = _QUICK,
        reconnect: Reconnect = _PATIENT,
        trouble: Callable[[Exception], None] = lambda _: None,
        sleep: Callable[[float], Any] = asleep,
        uniform: Callable[[], float] = own_uniform,
    ) -> None:
        self._locate = locate
        self._timeout = timeout
        self._insist_by = insist
        self._reconnect = reconnect
        self.trouble = trouble
        self._sleep = sleep
        self._uniform = uniform
        self._address: Address | None = None
        self._client: httpx2.AsyncClient | None = None
        self._client_url = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. The next request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def address(self) -> Address:
        """Where the server is, found anew after it did not answer. Raises ServerUnavailable."""
        if self._address is None:
            self._address = await aoffload(self._locate)
        return self._address

    async def get(
        self,
        path: str,
        kind: type[_T],
        query: Mapping[str, str | float] | None = None,
        *,
        wait: float = 0.0,
        patient: bool = False,
    ) -> _T:
        """The answer to a GET.

        `wait`: seconds that the server may take on purpose; `patient`: by the reconnect rules.
        """
        return decoded(kind, await self._insist("GET", path, None, query or {}, wait=wait, patient=patient))

    async def post(
        self,
        path: str,
        kind: type[_T],
        body: Any = None,
        query: Mapping[str, str | float] | None = None,
        *,
        wait: float = 0.0,
    ) -> _T:
        """The answer to a POST of `body` as JSON."""
        content = None if body is None else codec.encode(body)
        return decoded(kind, await self._insist("POST", path, content, query or {}, wait=wait))

    async def delete(self, path: str, kind: type[_T]) -> _T:
        """The answer to a DELETE."""
        return decoded(kind, await self._insist("DELETE", path, None, {}))

    async def download(self, path: str, target: Path) -> None:
        """Write the body that is at `path` to the file `target`. It is there when this returns, and whole.

        Raises OSError where it can't be written.
        """
        draft = target.with_name(f".{target.name}.part")
        try:
            await self._insisted(lambda: self._fetch(path, draft), patient=False)
            await aoffload(lambda: draft.replace(target))
        finally:
            await aoffload(lambda: draft.unlink(missing_ok=True))

    async def follow(self, path: str, position: Position) -> AsyncGenerator[StreamMessage]:
        """The messages of a run's stream from `position` on, until its end, over as many connections as it takes.

        Raises ConnectionLost by the reconnect rules, VersionMismatch, AuthenticationFailed, NotFound.
        """
        backoff = Backoff(self._reconnect, self._uniform)
        while True:
            problem: ServerUnavailable | Unavailable = ServerUnavailable("the connection ended before the run did")
            try:
                async with aclosing(self._connection(path, position, backoff)) as messages:
                    async for message in messages:
                        if message is None:
                            return
                        yield message
                        if isinstance(message, End):
                            return
            except (ServerUnavailable, Unavailable) as error:
                problem = error
            await self._wait(backoff, problem, patient=True)

    async def _insist(
        self,
        method: str,
        path: str,
        content: bytes | None,
        query: Mapping[str, str | float],
        *,
        wait: float = 0.0,
        patient: bool = False,
    ) -> bytes:
        waiting = {**query, "wait": wait} if wait else query
        timeout = self._timeout + wait
        return await self._insisted(lambda: self._exchange(method, path, content, waiting, timeout), patient=patient)

    async def _insisted(self, attempt: Callable[[], Awaitable[_T]], *, patient: bool) -> _T:
        backoff = Backoff(self._reconnect if patient else self._insist_by, self._uniform)
        while True:
            try:
                return await attempt()
            except (ServerUnavailable, Unavailable) as error:
                problem = error
            await self._wait(backoff, problem, patient=patient)

    async def _wait(self, backoff: Backoff, problem: ServerUnavailable | Unavailable, *, patient: bool) -> None:
        """Until the next attempt. Raises where there is none."""
        broken = isinstance(problem, Unavailable) or isinstance(problem.__cause__, httpx2.TransportError)
        if isinstance(problem, VersionMismatch) or not (patient or broken):
            raise problem
        decision = _decide(backoff, problem)
        if isinstance(decision, GiveUp):
            raise ConnectionLost(f"{problem}. Given up; the run goes on without us") if patient else _advised(problem)
        if patient:
            self.trouble(problem)
        await self._sleep(decision.delay)

    async def _exchange(
        self, method: str, path: str, content: bytes | None, query: Mapping[str, str | float], timeout: float
    ) -> bytes:
        address = await self.address()
        headers = _headers(address) | ({} if content is None else _JSON)
        client = await self._connect(address)
        try:
            response = await client.request(
                method,
                address.url + path,
                params=query,
                content=content,
                headers=headers,
                timeout=timeout,
                extensions=_guarded(address),
            )
        except httpx2.TransportError as error:
            raise self._lost(address, error) from error
        check(address.url, response.status_code, response.headers, response.content)
        return response.content

    async def _fetch(self, path: str, target: Path) -> None:
        """One attempt to write the body to `target`, from its beginning."""
        address = await self.address()
        client = await self._connect(address)
        try:
            async with client.stream(
                "GET",
                address.url + path,
                headers=_headers(address) | _PLAIN,
                timeout=self._timeout,
                extensions=_guarded(address),
            ) as response:
                content = b"" if response.status_code == 200 else await response.aread()
                check(address.url, response.status_code, response.headers, content)
                with target.open("wb") as file:
                    async for chunk in response.aiter_raw():
                        await aoffload(partial(file.write, chunk))
        except httpx2.TransportError as error:
            raise self._lost(address, error) from error

    async def _connection(
        self, path: str, position: Position, backoff: Backoff
    ) -> AsyncGenerator[StreamMessage | None]:
        """One connection's messages; None where the server says that there is nothing to come back for."""
        address = await self.address()
        headers = _headers(address) | position.headers() | _STREAM
        timeout = httpx2.Timeout(self._timeout, read=self._reconnect.idle)
        client = await self._connect(address)
        parser = sse.Parser()
        try:
            async with client.stream(
                "GET",
                address.url + path,
                params=position.params(),
                headers=headers,
                timeout=timeout,
                extensions=_guarded(address),
            ) as response:
                if response.status_code != 200:
                    await response.aread()
                    check(address.url, response.status_code, response.headers, response.content)
                    yield None
                    return
                check_stream(address.url, response.headers)
                async for chunk in response.aiter_raw():
                    backoff.received()
                    for message in parser.feed(chunk):
                        yield position.take(message)
        except httpx2.TransportError as error:
            raise self._lost(address, error) from error
        except (codec.Malformed, sse.Malformed) as error:
            raise not_understood(address.url, error) from error

    async def _connect(self, address: Address) -> httpx2.AsyncClient:
        if self._client is None or self._client_url != address.url:
            await self.aclose()
            # Loading the system's certificates takes 50 ms; without TLS an empty context, which trusts nobody, will do.
            verify = True if address.url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._client = httpx2.AsyncClient(verify=verify, trust_env=not is_loopback(address.url))
            self._client_url = address.url
        return self._client

    def _lost(self, address: Address, error: httpx2.TransportError) -> ServerUnavailable:
        self._address = None
        late = isinstance(error, httpx2.TimeoutException)
        reason = "it does not answer in time" if late else str(error).rpartition("] ")[2]  # Without "[Errno 111]".
        return ServerUnavailable(f"no connection to the server at {address.url}: {reason or type(error).__name__}")


def _headers(address: Address) -> dict[str, str]:
    return _HEADERS | ({"Authorization": f"Bearer {address.token}"} if address.token else {})


def _guarded(address: Address) -> dict[str, Any]:
    """Have a new connection closed, before anything is sent, when it can't be to the process that we mean.

    That process holds its port as long as it lives: if it does after connecting, nobody else took the call.
    """

    async def trace(event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete" and address.process and alive(address.process) is None:
            await info["return_value"].aclose()
            raise httpx2.ConnectError("the server's process has ended; somebody else may listen there now")

    return {"trace": trace}


def _advised(problem: ServerUnavailable | Unavailable) -> ServerUnavailable | Unavailable:
    """The one to give up with."""
    if isinstance(problem, Unavailable):
        return problem
    advised = ServerUnavailable(f"{problem}. Is the address right, and does the server run?")
    advised.__cause__ = problem.__cause__
    return advised


def _decide(backoff: Backoff, problem: ServerUnavailable | Unavailable) -> Decision | GiveUp:
    if isinstance(problem, Unavailable):
        return backoff.refused(problem.status, problem.retry_after)
    return backoff.failed(str(problem))
