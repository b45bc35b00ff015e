"""uvicorn, such that it ends at once when asked to, and says every error in our one shape."""

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from livespark.protocol.codec import encode
from livespark.protocol.problems import Problem
from livespark.server.strangers import INTRODUCED, Strangers, room

__all__ = ("Host",)

_GRACE: Final = 3
_KEEP_ALIVE: Final = 60
_HEAD_PATIENCE: Final = 30.0
_HEAD_LIMIT: Final = 32 * 1024
_QUEUE: Final = 1024
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_MALFORMED: Final = encode(Problem(400, "malformed", "this is not a valid HTTP request"))
_log: Final = logging.getLogger(__name__)


class Host:
    """Serves `app` on `listener` until `leave`. `closing` is called first of all, to end open streams."""

    def __init__(self, app: ASGIApp, listener: socket.socket, closing: Callable[[], None]) -> None:
        strangers = Strangers(room())
        config = _Config(
            app,
            http=_Protocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_GRACE,
            h11_max_incomplete_event_size=_HEAD_LIMIT,
            backlog=strangers.most // 4,
        )
        config.strangers = strangers
        self._listener = listener
        self._server = _Server(config, closing)

    def leave(self) -> None:
        self._server.should_exit = True

    async def serve(self) -> None:
        await self._server.serve([self._listener])

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT mean `leave`, where this is the main thread; from here on, not only once it serves."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.leave)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)


class _Config(uvicorn.Config):
    """`backlog` says how many connections are taken in one turn of the loop: so few that each has its turn before it
    may be turned out."""

    strangers: Strangers


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, closing: Callable[[], None]) -> None:
        super().__init__(config)
        self._closing = closing

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours; uvicorn would raise them again at the end, and so end with the signal's exit status."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_QUEUE)  # asyncio made the system's queue as short as `backlog`

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing()
        await super().shutdown(sockets)


class _Protocol(H11Protocol):
    """A client that sends only half a request is not waited for, and a malformed one gets a Problem."""

    config: _Config
    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, INTRODUCED: lambda: self.config.strangers.forget(self)}
        self.config.strangers.admit(self, transport.abort)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._head_is_here()
        elif self._head is None:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        self.config.strangers.forget(self)
        super().connection_lost(exc)

    def send_400_response(self, _msg: str) -> None:
        headers = [(b"content-type", b"application/json"), (b"connection", b"close"), (b"cache-control", b"no-store")]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=_MALFORMED),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _await_head(self) -> None:
        self._head = self.loop.call_later(_HEAD_PATIENCE, self.timeout_keep_alive_handler)

    def _head_is_here(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None
