"""What the training thread is in the middle of: the code of its frames, and of tasks that wait in its event loop."""

import sys
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

__all__ = ("code_on_stack",)


def code_on_stack() -> set[CodeType]:
    """For the training thread, about itself."""
    return {*_frames(sys._getframe(1)), *_tasks()}


def _frames(frame: FrameType | None) -> Iterator[CodeType]:
    while frame is not None:
        yield frame.f_code
        frame = frame.f_back


def _tasks() -> Iterator[CodeType]:
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return
    try:
        tasks = asyncio.all_tasks()
    except RuntimeError:  # no event loop runs here
        return
    for task in tasks:
        yield from _awaited(task.get_coro())


def _awaited(waiting: Any) -> Iterator[CodeType]:
    """The code of a coroutine, and of what it awaits."""
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "gi_frame", None)
        if frame is not None:
            yield frame.f_code
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)
