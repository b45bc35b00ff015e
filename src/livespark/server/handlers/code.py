"""A run's source as of any event or step, and its reloads."""

from typing import Annotated, Final

from msgspec import Meta, Struct
from starlette.types import ASGIApp

from livespark.server.answers import as_json
from livespark.server.call import Call, NoQuery

__all__ = ("CodeQuery", "ReloadsQuery", "get_code", "get_reloads", "get_text")

_LARGEST: Final = 2**53


class CodeQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """`at`: up to this event's number. `step`: up to this step. Neither: as of now."""

    at: Annotated[int, Meta(ge=0, le=_LARGEST)] | None = None
    step: Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST)] | None = None


class ReloadsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """`after`: the number of an event."""

    after: Annotated[int, Meta(ge=0, le=_LARGEST)] = 0
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1_000


async def get_code(call: Call[CodeQuery, None]) -> ASGIApp:
    run = await call.service.runs.get(call.path["run"])
    return as_json(await call.service.history.code(run, call.query.at, call.query.step))


async def get_text(call: Call[NoQuery, None]) -> ASGIApp:
    run = await call.service.runs.get(call.path["run"])
    return as_json(await call.service.history.text(run, call.path["hash"]))


async def get_reloads(call: Call[ReloadsQuery, None]) -> ASGIApp:
    run = await call.service.runs.get(call.path["run"])
    events, after = await call.service.history.reloads(run, call.query.after, call.query.limit)
    bodies = b",".join(event.body for event in events)
    return as_json(b'{"reloads":[%b],"next":%b}' % (bodies, b"null" if after is None else str(after).encode()))
