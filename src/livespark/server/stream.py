"""Streams over HTTP: chunks as they come, until they end, the client leaves, or it stops reading."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Final, TypeAlias

from starlette.types import Message, Receive, Scope, Send

from livespark.errors import LivesparkError

__all__ = ("Chunks", "EventStream", "Streamed")

_PATIENCE: Final = 30.0
_log: Final = logging.getLogger(__name__)

Chunks: TypeAlias = AsyncGenerator[bytes]


class Streamed:
    """An ASGI answer. `opened` gives the chunks; what it raises on entering becomes an ordinary error answer.

    A client that takes nothing for 30 seconds is cut off.
    """

    def __init__(
        self,
        opened: "AbstractAsyncContextManager[Chunks]",
        headers: Mapping[str, str],
        *,
        patience: float = _PATIENCE,
    ) -> None:
        self._opened = opened
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self._patience = patience

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        async with self._opened as chunks:
            sending = asyncio.ensure_future(self._send(chunks, send))
            leaving = asyncio.ensure_future(_left(receive))
            try:
                await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (sending, leaving):
                    task.cancel()
                await asyncio.gather(sending, leaving, return_exceptions=True)
        if not sending.cancelled() and (error := sending.exception()):
            _report(error)

    async def _send(self, chunks: Chunks, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        async with aclosing(chunks) as pieces:
            async for chunk in pieces:
                await self._send_one(send, {"type": "http.response.body", "body": chunk, "more_body": True})
        await self._send_one(send, {"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_one(self, send: Send, message: Message) -> None:
        async with asyncio.timeout(self._patience):
            await send(message)


class EventStream(Streamed):
    """Events as they happen. Who is cut off goes on at its cursor with the next connection."""

    def __init__(self, opened: "AbstractAsyncContextManager[Chunks]", *, patience: float = _PATIENCE) -> None:
        headers = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        super().__init__(opened, headers, patience=patience)


def _report(error: BaseException) -> None:
    """The head of the answer is out already; all that is left is to break the connection."""
    if isinstance(error, TimeoutError):
        _log.info("a client that stopped reading was cut off")
    elif isinstance(error, LivesparkError):
        _log.warning("an answer broke off: %s", error)
    else:
        raise error


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
