"""The outermost layer of the server: strangers are turned away, every answer carries the security headers, and whatever
goes wrong inside becomes the one error shape."""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from livespark.server.answers import problem, problem_of
from livespark.server.bodies import ClientGone
from livespark.server.guard import deny
from livespark.version import PROTOCOL

__all__ = ("PAGE_POLICY", "Shell")

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""What the Studio's page may do: run our own files, talk to us, nothing else."""

_HEADERS: Final = {
    b"livespark-protocol": str(PROTOCOL).encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; sandbox",
}
"""On every answer that does not say otherwise itself."""

_log: Final = logging.getLogger(__name__)


class Shell:
    """Pure ASGI. `hosts` is asked at every request: the port is known only once the server listens."""

    def __init__(self, app: ASGIApp, hosts: Callable[[], Collection[str]]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the server speaks HTTP only, not {scope['type']}")
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": _completed(message["headers"])}
            await send(message)

        denial = deny(scope["headers"], self._hosts(), scope["scheme"])
        try:
            await (problem(*denial) if denial else self._app)(scope, receive, guarded)
        except (ClientGone, asyncio.CancelledError):
            _log.debug("a client went away")
        except Exception as error:
            if started:
                _log.exception("an answer broke off")
                raise
            await problem_of(error)(scope, receive, guarded)


def _completed(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    present = {name.lower() for name, _ in headers}
    return [*headers, *((name, value) for name, value in _HEADERS.items() if name not in present)]
