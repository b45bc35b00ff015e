"""Runs: submitting, listing, seeing, killing; their output."""

from typing import Annotated, Final

from msgspec import Meta, Struct
from starlette.types import ASGIApp

from livespark.protocol.runs import Submit
from livespark.protocol.stream import Output
from livespark.server.answers import as_json
from livespark.server.call import Call, NoQuery

__all__ = (
    "KillQuery",
    "OutputPage",
    "OutputQuery",
    "RunsQuery",
    "get_live",
    "get_output",
    "get_run",
    "kill_run",
    "list_runs",
    "submit_run",
)

_LARGEST: Final = 2**53


class RunsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """`alive`: only runs that have not ended. `before`: only those created before (Unix seconds)."""

    alive: bool = False
    before: Annotated[float, Meta(ge=0)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class KillQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """`grace`: seconds between SIGTERM and SIGKILL; 0: SIGKILL at once."""

    grace: Annotated[float, Meta(ge=0, le=3600)] = 10.0


class OutputQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """`after`: byte offset. `limit`: about so many bytes."""

    after: Annotated[int, Meta(ge=0, le=_LARGEST)] = 0
    limit: Annotated[int, Meta(ge=1, le=4 * 1024**2)] = 256 * 1024


class OutputPage(Struct, frozen=True):
    """`end`: the offset behind the last piece; pass it as `after` for what comes later."""

    outputs: list[Output]
    end: int


async def list_runs(call: Call[RunsQuery, None]) -> ASGIApp:
    query = call.query
    return as_json(await call.service.runs.page(alive_only=query.alive, before=query.before, limit=query.limit))


async def submit_run(call: Call[NoQuery, Submit]) -> ASGIApp:
    run, new = await call.service.runs.submit(call.body)
    return as_json(run, 201 if new else 200)


async def get_run(call: Call[NoQuery, None]) -> ASGIApp:
    return as_json(await call.service.runs.get(call.path["run"]))


async def get_live(call: Call[NoQuery, None]) -> ASGIApp:
    return as_json(await call.service.runs.live(call.path["run"]))


async def get_output(call: Call[OutputQuery, None]) -> ASGIApp:
    after = call.query.after
    pieces = await call.service.runs.output(call.path["run"], after, call.query.limit)
    return as_json(OutputPage(pieces, pieces[-1].end if pieces else after))


async def kill_run(call: Call[KillQuery, None]) -> ASGIApp:
    return as_json(await call.service.runs.kill(call.path["run"], call.query.grace, call.caller.label))
