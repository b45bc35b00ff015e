"""What workers ask. Which run it is follows from the token."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from msgspec import Meta, Struct
from starlette.types import ASGIApp

from livespark.protocol.events import Hello, Report
from livespark.protocol.ids import RunId
from livespark.server.answers import as_json
from livespark.server.call import Call, NoQuery
from livespark.server.stream import Chunks, EventStream
from livespark.service.refusals import Refused

__all__ = ("DeliveriesQuery", "get_commands", "hello", "report")


class DeliveriesQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """`after`: the number of the last command that arrived."""

    after: Annotated[int, Meta(ge=0, le=2**53)] = 0


async def hello(call: Call[NoQuery, Hello]) -> ASGIApp:
    return as_json(await call.service.intake.hello(_run(call), call.body))


async def report(call: Call[NoQuery, Report]) -> ASGIApp:
    return as_json(await call.service.intake.report(_run(call), call.body))


async def get_commands(call: Call[DeliveriesQuery, None]) -> ASGIApp:
    return EventStream(_opened(call))


@asynccontextmanager
async def _opened(call: Call[DeliveriesQuery, None]) -> AsyncGenerator[Chunks]:
    async with call.service.deliver(_run(call), call.query.after, call.caller) as chunks:
        yield chunks


def _run(call: Call[Any, Any]) -> RunId:
    run = call.caller.run
    if run is None:
        raise Refused("forbidden", "only a run's worker may ask this")
    return run
