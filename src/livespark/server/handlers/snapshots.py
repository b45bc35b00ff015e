"""A run's snapshots: seeing, removing, downloading, and new runs that begin with one."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp

from livespark.protocol.runs import Fork
from livespark.server.answers import as_json
from livespark.server.call import Call, NoQuery
from livespark.server.stream import Chunks, Streamed
from livespark.service.refusals import Refused
from livespark.snapshots.archive import Archive

__all__ = ("download_snapshot", "fork_run", "get_snapshot", "list_snapshots", "remove_snapshot")

_DIGITS = 15


async def list_snapshots(call: Call[NoQuery, None]) -> ASGIApp:
    run = await call.service.runs.get(call.path["run"])
    return as_json(await call.service.snapshots.on_disk(run))


async def get_snapshot(call: Call[NoQuery, None]) -> ASGIApp:
    run = await call.service.runs.get(call.path["run"])
    return as_json(await call.service.snapshots.detail(run, _number(call)))


async def remove_snapshot(call: Call[NoQuery, None]) -> ASGIApp:
    run = await call.service.runs.get(call.path["run"])
    return as_json(await call.service.snapshots.remove(run, _number(call), call.caller.label))


async def download_snapshot(call: Call[NoQuery, None]) -> ASGIApp:
    """The bytes come from the disk while they are sent; what goes wrong then breaks the connection. A server that ends
    when nobody needs it waits for that."""
    run, number = await call.service.runs.get(call.path["run"]), _number(call)
    archive = await call.service.snapshots.archive(run, number)
    headers = {
        "Content-Type": "application/x-tar",
        "Content-Length": str(archive.size),
        "Content-Disposition": f'attachment; filename="{run.id}-{number}.tar"',
    }
    return Streamed(_opened(archive, call.service.touch), headers)


async def fork_run(call: Call[NoQuery, Fork]) -> ASGIApp:
    run, new = await call.service.runs.fork(call.path["run"], call.body)
    return as_json(run, 201 if new else 200)


@asynccontextmanager
async def _opened(archive: Archive, touch: Callable[[], None]) -> AsyncGenerator[Chunks]:
    yield _read(iter(archive), touch)


async def _read(pieces: Iterator[bytes], touch: Callable[[], None]) -> Chunks:
    """The disk may be slow: each piece is read on a thread."""
    while piece := await asyncio.to_thread(next, pieces, b""):
        touch()
        yield piece


def _number(call: Call[Any, Any]) -> int:
    text = call.path["number"]
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise Refused("not-found", f"{text[:64]!r} is no snapshot's number")
    return int(text)
