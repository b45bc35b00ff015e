"""What differs between the asynchronous source and its synchronous twin beyond syntax: one pair of functions each."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ("aoffload", "asleep", "offload", "sleep")

_T = TypeVar("_T")


async def asleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


def sleep(seconds: float) -> None:
    time.sleep(seconds)


async def aoffload(function: Callable[[], _T]) -> _T:
    """The result of a blocking function, executed where it does not block the loop."""
    return await asyncio.to_thread(function)


def offload(function: Callable[[], _T]) -> _T:
    return function()
