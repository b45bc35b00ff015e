"""The server itself, and signing in."""

import os
from typing import Any

from msgspec import Struct
from starlette.types import ASGIApp

from livespark.server.answers import as_json
from livespark.server.call import Call, NoQuery
from livespark.transport.server_info import Code, ServerInfo
from livespark.version import PROTOCOL, __version__

__all__ = ("Health", "Session", "Spend", "get_health", "get_server", "make_code", "spend_code", "stop_server")


class Health(Struct, frozen=True):
    version: str
    protocol: int
    ready: bool


class Spend(Struct, frozen=True, forbid_unknown_fields=True):
    """A one-time code, as it stood in the link."""

    code: str


class Session(Struct, frozen=True):
    """What a code was good for: a token for the `Authorization` header, until `expires` (Unix seconds)."""

    token: str
    scope: str
    expires: float


async def get_health(_call: Call[NoQuery, None]) -> ASGIApp:
    return as_json(Health(__version__, PROTOCOL, True))


async def get_server(call: Call[NoQuery, None]) -> ASGIApp:
    return as_json(_info(call))


async def stop_server(call: Call[NoQuery, None]) -> ASGIApp:
    answer = as_json(_info(call))
    call.service.leave()
    return answer


async def make_code(call: Call[NoQuery, None]) -> ASGIApp:
    issued = call.service.access.new_code(call.caller)
    return as_json(Code(issued.secret, issued.credential.expires or 0.0))


async def spend_code(call: Call[NoQuery, Spend]) -> ASGIApp:
    issued = await call.service.access.spend(call.body.code)
    credential = issued.credential
    return as_json(Session(issued.secret, credential.scope.name.lower(), credential.expires or 0.0))


def _info(call: Call[Any, Any]) -> ServerInfo:
    service = call.service
    return ServerInfo(
        version=__version__,
        home=str(service.settings.home),
        started=service.started,
        pid=os.getpid(),
        runs=service.alive,
        clients=service.clients,
        database=str(service.database),
    )
