"""What the training thread is in the middle of: the code of its frames, of tasks that wait in its event loop, and of
generators that its frames iterate over, because these are about to be asked for more.

What an executing frame iterates over is known to the frame alone: the collector sees no reference. So a generator that
has more references than the collector can explain is in the hands of a frame.
"""

import gc
import inspect
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import CodeType, FrameType, GeneratorType, MethodType
from typing import Any, Final

__all__ = ("code_on_stack", "threads_within")

_OURS: Final = str(Path(__file__).parents[2])


def code_on_stack(replaced: Collection[CodeType]) -> set[CodeType]:
    """For the training thread, about itself. Generators are looked for only if their code is to be `replaced`."""
    frames = {frame.f_code for frame in _frames(sys._getframe(1))}
    return {*frames, *_tasks(), *_iterated([code for code in replaced if code.co_flags & inspect.CO_GENERATOR])}


def threads_within(changed: Collection[CodeType]) -> list[str]:
    """The names of other threads that are executing any of this code."""
    ids, mine = set(map(id, changed)), threading.get_ident()
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return [
        names.get(ident) or str(ident)
        for ident, frame in sys._current_frames().items()
        if ident != mine and any(id(each.f_code) in ids for each in _frames(frame))
    ]


def _iterated(codes: list[CodeType]) -> set[CodeType]:
    """Those of which a frame has a generator, itself or inside other iterators (`enumerate(batches())`).

    What `spark.loop` iterates over is left out: it goes on across a reload. About 10 ms for each generator that lives.
    """
    living = _living(codes)
    return {code for code in [each.gi_code for each in living] if _is_in_use([_nobodys(), living.pop(0)])}


def _is_in_use(known: list[Any]) -> bool:
    """Whether a frame has the second of `known`, or an iterator around it. The first is one that no frame has."""
    index = 1
    while index < len(known):
        if _unexplained(known, index) > _unexplained(known, 0):
            return True
        known += [holder for holder in gc.get_referrers(known[index]) if _passes_on(holder, known)]
        index += 1
    return False


def _nobodys() -> Iterator[None]:
    yield


def _living(codes: list[CodeType]) -> list[Any]:
    known = set(map(id, codes))
    referrers = gc.get_referrers(*codes) if codes else []
    return [
        each for each in referrers if isinstance(each, GeneratorType) and each.gi_frame and id(each.gi_code) in known
    ]


def _unexplained(known: list[Any], index: int) -> int:
    """References that the collector does not know: those of frames, and the one that this takes to look."""
    holders = gc.get_referrers(known[index])
    return sys.getrefcount(known[index]) - sum(part is known[index] for part in gc.get_referents(*holders))


def _passes_on(holder: object, known: list[Any]) -> bool:
    """Whether who has it has what is in it: an iterator of the user's or of Python's, a context manager, its method."""
    if isinstance(holder, GeneratorType) and holder.gi_code.co_filename.startswith(_OURS):
        return False
    passes = hasattr(type(holder), "__next__") or isinstance(holder, AbstractContextManager | MethodType)
    return passes and all(holder is not each for each in known)


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
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
