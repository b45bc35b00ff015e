"""Requests to the application itself, with every header under control; and the application on a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from livespark.protocol.ids import RunId
from livespark.protocol.policy import Scope as Right
from livespark.server.app import make_app
from livespark.server.guard import own_hosts
from livespark.server.hosting import Host
from livespark.server.listening import bind
from livespark.service.access import digest_of, new_token
from livespark.store.base import Credential
from livespark.studio.assets import Asset
from livespark.testing.engine import FakeEngine
from tests.unit.service.stage import Stage, staged

__all__ = ("ASSETS", "HOST", "Answer", "Client", "Server", "clients", "hosted")

HOST = "127.0.0.1:4280"
ASSETS = {
    "index.html": Asset(b"<!doctype html><title>Livespark</title>", "text/html; charset=utf-8"),
    "app/main.js": Asset(b"export {};", "text/javascript; charset=utf-8"),
}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Speaks ASGI to `app`. `token` is sent where no other headers say otherwise."""

    def __init__(self, app: ASGIApp, stage: Stage, token: str) -> None:
        self.app = app
        self.stage = stage
        self.token = token

    async def token_of(self, scope: Right, run: RunId | None = None, expires: float | None = None) -> str:
        """A new token of this scope."""
        token = new_token()
        credential = Credential(digest_of(token), scope, scope.name, self.stage.clock.now(), expires, run)
        await self.stage.store.add_credential(credential)
        return token

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> Answer:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.ask("POST", path, content, **more)

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        *,
        token: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        host: str | None = HOST,
        kind: str = "application/json",
    ) -> Answer:
        """One request. A stream is left once its first piece has come."""
        path, _, query = path.partition("?")
        sent = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        token = self.token if token is None else token
        sent += [(b"host", host.encode("latin-1"))] if host is not None else []
        sent += [(b"authorization", f"Bearer {token}".encode())] if token else []
        sent += [(b"content-type", kind.encode())] if kind else []
        scope: Scope = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode("latin-1"),
            "headers": sent,
        }
        return await _exchange(self.app, scope, iter([body] if isinstance(body, bytes) else body))


async def _exchange(app: ASGIApp, scope: Scope, pieces: Iterator[bytes]) -> Answer:
    answer = Answer(0, {}, b"")
    finished, begun = asyncio.Event(), asyncio.Event()

    async def receive() -> Message:
        for piece in pieces:
            return {"type": "http.request", "body": piece, "more_body": True}
        if not finished.is_set():
            finished.set()
            return {"type": "http.request", "body": b"", "more_body": False}
        await begun.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")
            begun.set()

    async with asyncio.timeout(10):
        await app(scope, receive, send)
    return answer


@asynccontextmanager
async def clients(home: Path, engine: FakeEngine | None = None, **settings: object) -> AsyncIterator[Client]:
    """The application with its service, addressed as 127.0.0.1:4280 by an admin."""
    async with staged(home, engine, **settings) as stage:
        hosts = own_hosts(4280, ["build.example:80"])
        app = make_app(stage.service, ASSETS, lambda: hosts)
        client = Client(app, stage, "a" * 43)
        await stage.service.access.install(client.token, "local")
        yield client


@dataclass
class Server:
    """The application on a socket of this machine, in this very loop."""

    client: Client
    url: str
    port: int
    leave: Callable[[], None]
    task: "asyncio.Task[None]"


@asynccontextmanager
async def hosted(home: Path, **settings: object) -> AsyncIterator[Server]:
    async with clients(home, None, **settings) as client:
        listener = bind("127.0.0.1", 0, None)
        port = listener.getsockname()[1]
        hosts = own_hosts(port)
        app = make_app(client.stage.service, ASSETS, lambda: hosts)
        host = Host(app, listener, client.stage.service.close_streams)
        task = asyncio.create_task(host.serve())
        try:
            yield Server(client, f"http://127.0.0.1:{port}", port, host.leave, task)
        finally:
            host.leave()
            await asyncio.wait_for(task, 10)
