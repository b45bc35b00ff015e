"""What counts as being executed: then an edit of it can't happen in place."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType

from livespark.runtime.process import Runtime
from livespark.runtime.reload.stack import code_on_stack, threads_within


def batches() -> Iterator[int]:
    yield 1
    yield 2


def wrapped(items: Iterator[int]) -> Iterator[int]:
    yield from items


@contextmanager
def timing() -> Iterator[None]:
    yield


GENERATORS = [batches.__code__, wrapped.__code__, timing.__wrapped__.__code__]  # type: ignore[attr-defined]


def names(codes: set[CodeType]) -> set[str]:
    return {code.co_name for code in codes}


def test_functions_on_the_stack_count() -> None:
    """The caller's function, however deep."""

    def inner() -> set[CodeType]:
        return code_on_stack(GENERATORS)

    assert {"inner", "test_functions_on_the_stack_count"} <= names(inner())


def test_a_generator_that_is_iterated_over_counts() -> None:
    """Also inside other iterators, and a context manager whose block is being executed."""
    for _ in batches():
        assert "batches" in names(code_on_stack(GENERATORS))
    for _ in enumerate(wrapped(batches())):
        assert {"batches", "wrapped"} <= names(code_on_stack(GENERATORS))
    with timing():
        assert "timing" in names(code_on_stack(GENERATORS))
    assert "batches" not in names(code_on_stack(GENERATORS))


def test_what_a_loop_iterates_over_does_not_count() -> None:
    """It goes on across a reload, so unwinding would not renew it."""
    for _ in Runtime().loops.loop("batch", batches()):
        assert "batches" not in names(code_on_stack(GENERATORS))


def test_a_generator_that_nobody_iterates_over_does_not_count() -> None:
    """It may be kept for ever; unwinding would not renew it either."""
    kept = {"generator": batches()}
    next(kept["generator"])
    assert "batches" not in names(code_on_stack(GENERATORS))


def test_waiting_tasks_count() -> None:
    """In asyncio code, what the script awaits stands on no stack."""
    found: set[str] = set()

    async def step() -> None:
        await asyncio.sleep(0)
        found.update(names(code_on_stack(GENERATORS)))

    async def training() -> None:
        await asyncio.create_task(step())

    asyncio.run(training())
    assert {"training", "step"} <= found


def test_other_threads_within_are_named() -> None:
    """They can't be unwound; people are told that they go on with the old code."""
    entered, leave = threading.Event(), threading.Event()

    def work() -> None:
        entered.set()
        leave.wait()

    thread = threading.Thread(target=work, name="prefetcher")
    thread.start()
    entered.wait()
    assert threads_within([work.__code__]) == ["prefetcher"]
    assert threads_within([batches.__code__]) == []
    leave.set()
    thread.join()
    assert threads_within([work.__code__]) == []
