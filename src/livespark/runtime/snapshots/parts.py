"""Loaders inside of what a loop iterates over: in `enumerate`, `zip` and `islice`, which only pass their items on.

To bring such a wrapper forward without fetching items, its loaders' iterators give nothing instead for a while.
"""

import gc
from collections.abc import Iterator
from itertools import islice
from typing import Any

from livespark.runtime.reload.refetch import Ahead

__all__ = ("forward_dry", "parts_of")


def parts_of(value: Any) -> list[Any]:
    """The iterators or iterables that its items come from, in order; itself, if it is no wrapper."""
    if isinstance(value, Ahead):
        return parts_of(value.iterator)
    if type(value) in (enumerate, zip):
        inner = value.__reduce__()[1]
        return [part for each in (inner if type(value) is zip else inner[:1]) for part in parts_of(each)]
    if type(value) is islice:
        return [part for each in gc.get_referents(value)[:1] for part in parts_of(each)]
    return [value]


def forward_dry(wrapper: Iterator[Any], loaders: list[Any], count: int) -> list[int]:
    """Bring the wrapper forward by `count` items, for which its loaders' iterators fetch nothing. -> how many each was
    asked for."""
    asked = [0] * len(loaders)
    kinds = [type(each) for each in loaders]
    for number, loader in enumerate(loaders):
        loader.__class__ = _dry(type(loader), asked, number)
    try:
        next(islice(wrapper, count, count), None)
    finally:
        for loader, kind in zip(loaders, kinds, strict=True):
            loader.__class__ = kind
    return asked


def _dry(kind: type[Any], asked: list[int], number: int) -> type[Any]:
    def give_nothing(_self: Any) -> None:
        asked[number] += 1

    return type(kind.__name__, (kind,), {"__next__": give_nothing})
