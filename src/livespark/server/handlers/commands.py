"""Asking a run for something."""

from typing import Annotated

from msgspec import Meta, Struct
from starlette.types import ASGIApp

from livespark.protocol.commands import Ask, Reload, kind_of
from livespark.protocol.policy import COMMAND_SCOPE
from livespark.server.answers import as_json
from livespark.server.bodies import too_large
from livespark.server.call import JSON_LIMIT, Call
from livespark.service.refusals import Refused

__all__ = ("WaitQuery", "ask", "get_command")


class WaitQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """`wait`: so many seconds for the answer, at the most."""

    wait: Annotated[float, Meta(ge=0, le=60)] = 0.0


async def ask(call: Call[WaitQuery, Ask]) -> ASGIApp:
    needed = COMMAND_SCOPE[kind_of(call.body.command)]
    if not call.caller.scope.includes(needed):
        raise Refused("forbidden", f"a {kind_of(call.body.command)} needs a token of scope {needed.name.lower()}")
    if call.size > JSON_LIMIT and not isinstance(call.body.command, Reload):
        raise too_large(JSON_LIMIT)
    record = await call.service.commands.ask(call.path["run"], call.body, call.caller.label, call.query.wait)
    return as_json(record, 202 if record.answer is None else 200)


async def get_command(call: Call[WaitQuery, None]) -> ASGIApp:
    return as_json(await call.service.commands.get(call.path["run"], call.path["id"], call.query.wait))
