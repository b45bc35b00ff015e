"""A run's events: as a stream, in pages, and their metrics as columns."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Final

from msgspec import Meta, Struct
from starlette.types import ASGIApp

from livespark.protocol.ids import Cursor
from livespark.server.answers import as_json
from livespark.server.call import Call
from livespark.server.stream import Chunks, EventStream
from livespark.service.following import Wanted
from livespark.service.refusals import Refused

__all__ = ("EventsQuery", "MetricsQuery", "get_events", "get_metrics")

_LARGEST: Final = 2**53


class EventsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """`after`: a cursor `<epoch>-<seq>`; the header `Last-Event-ID` counts more. `output`: also what the script
    writes, from this byte offset on. `live`: also the live document. `limit`: of a page (`Accept:
    application/json`)."""

    after: str = ""
    output: Annotated[int, Meta(ge=0, le=_LARGEST)] | None = None
    live: bool = True
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1_000


class MetricsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """`names`: separated by commas; none: all. `after`: the number of an event. `limit`: about so many rows."""

    names: str = ""
    after: Annotated[int, Meta(ge=0, le=_LARGEST)] = 0
    limit: Annotated[int, Meta(ge=1, le=1_000_000)] = 50_000


async def get_events(call: Call[EventsQuery, None]) -> ASGIApp:
    cursor = _cursor(call.headers.get("last-event-id") or call.query.after)
    if _wants_page(call.headers.get("accept", "")):
        return await _page(call, cursor)
    return EventStream(_opened(call, Wanted(cursor, call.query.live, call.query.output)))


async def get_metrics(call: Call[MetricsQuery, None]) -> ASGIApp:
    run = await call.service.runs.get(call.path["run"])
    names = frozenset(filter(None, call.query.names.split(",")))
    return as_json(await call.service.history.metrics(run, names, call.query.after, call.query.limit))


async def _page(call: Call[EventsQuery, None], cursor: Cursor | None) -> ASGIApp:
    run = await call.service.runs.get(call.path["run"])
    events, next_cursor = await call.service.history.events(run, cursor, call.query.limit)
    bodies = b",".join(event.body for event in events)
    return as_json(b'{"events":[%b],"next":"%b"}' % (bodies, str(next_cursor).encode()))


@asynccontextmanager
async def _opened(call: Call[EventsQuery, None], wanted: Wanted) -> AsyncGenerator[Chunks]:
    async with call.service.follow(call.path["run"], wanted, call.caller) as follower:
        yield follower.chunks()


def _wants_page(accept: str) -> bool:
    return "application/json" in accept and "text/event-stream" not in accept


def _cursor(text: str) -> Cursor | None:
    if not text:
        return None
    cursor = Cursor.parse(text)
    if cursor is None:
        raise Refused("malformed", f"{text[:64]!r} is no cursor; expected one like 0a1b2c3d-42")
    return cursor
