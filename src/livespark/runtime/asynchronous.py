"""The runtime in asyncio code. Imported only when the script uses it: asyncio is a third of the time of an import."""

import asyncio
import contextlib
from functools import partial
from typing import Final

from livespark.errors import CommandRefused, SparkReloadError, SparkSignal, SparkStopError
from livespark.runtime.bindings import BoundCall
from livespark.runtime.calls import Calls
from livespark.runtime.core import Core
from livespark.runtime.request import Request

__all__ = ("checkpoint", "start")

_NEEDS_LOOP: Final = (
    "{name}() is async and the script's event loop is running: it is served by `await spark.acheckpoint()`, "
    "which the script has not come to"
)
_tasks: Final[set[asyncio.Task[None]]] = set()
"""Event loops keep only weak references to tasks."""


async def checkpoint(core: Core) -> None:
    """See `Runtime.acheckpoint`."""
    if (core.pending or core.for_async or not core.cooperative) and core.is_mine():
        core.note_explicit(cooperative=True)
        await _attend(core, asyncio.get_running_loop())
    await asyncio.sleep(0)


async def _attend(core: Core, loop: asyncio.AbstractEventLoop) -> None:
    level, rung = core.levels[-1], asyncio.Event()
    if core.probation:
        core.pass_probation()
    with core.bell(partial(_ring, loop, rung)):
        while True:
            rung.clear()
            with core.changed:
                core.queue.extendleft(reversed(core.for_async))
                core.for_async.clear()
                job = core.next_job(level, boundary=False)
                if job is None and not core.stays(level):
                    return
            if job:
                job(loop)
            else:
                await rung.wait()


def _ring(loop: asyncio.AbstractEventLoop, rung: asyncio.Event) -> None:
    """From any thread. A loop that was closed with a task still waiting in it hears nothing."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(rung.set)


def start(calls: Calls, request: Request, bound: BoundCall, loop: asyncio.AbstractEventLoop | None) -> None:
    """Call an async function: as a task of the script's `loop`, or in a loop of its own where the script has none."""
    if loop is not None:
        task = loop.create_task(_run(calls, request, bound))
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)
    elif not _in_event_loop():
        calls.run(request, bound, lambda: asyncio.run(bound.function(*bound.args, **bound.kwargs)))
    elif calls.core.cooperative:
        with calls.core.changed:
            calls.core.for_async.append(request)
    else:
        raise CommandRefused(_NEEDS_LOOP.format(name=bound.name))


async def _run(calls: Calls, request: Request, bound: BoundCall) -> None:
    try:
        with calls.answering(request), calls.busy(request, bound):
            request.start()
            calls.apply(request, await _uncancelled(calls.core, bound))
    except SparkSignal:
        pass  # nothing to unwind in this task: the script's own next checkpoint raises it, too


async def _uncancelled(core: Core, bound: BoundCall) -> object:
    """The function's result. When the loop ends because the script unwinds, that is what is raised."""
    try:
        return await bound.function(*bound.args, **bound.kwargs)
    except asyncio.CancelledError:
        if core.stopping:
            raise SparkStopError("stop was asked") from None
        if core.renewal:
            raise SparkReloadError("the script runs again with its new code") from None
        raise


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
