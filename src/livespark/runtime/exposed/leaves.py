"""Kinds of values that are shown as one node: scalars, choices, paths, bytes, and whatever is left, as its repr."""

import base64
from enum import Enum
from functools import lru_cache
from typing import Any, Literal

from msgspec import Struct

from livespark.runtime.exposed.budget import Meter
from livespark.runtime.exposed.kinds import Leaf, Node, cut

__all__ = ("Broken", "Bytes", "Choice", "Nothing", "NumpyScalar", "PathText", "Scalar", "Text", "Unreadable", "clean")

_LONGEST_REPR = 1_000


def clean(text: str) -> str:
    """`text` such that UTF-8 can hold it: lone surrogates become escapes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class Scalar(Leaf):
    """Exact or derived bool, int, float and str: shown as the plain type `base`."""

    def __init__(self, base: type) -> None:
        self._convert: Any = base.__str__ if base is str else base
        self._base = base

    def show(self, value: Any, meter: Meter, /) -> Node:
        plain: Any = self._convert(value) if type(value) is not self._base else value
        return plain if self._base is not str else _text(plain, meter)

    def hint(self, value: Any, /) -> Any:
        return type(value)


def _text(value: str, meter: Meter) -> Node:
    meter.left -= len(value) // 64
    if len(value) <= meter.budget.text:
        return value
    return {"$": "text", "type": "str", "v": clean(value[: meter.budget.text])}


class Nothing(Leaf):
    """None. What may take its place, only a type hint can say."""

    def show(self, _value: Any, _meter: Meter, /) -> Node:
        return None

    def hint(self, _value: Any, /) -> Any:
        return Any


class Choice(Leaf):
    """A member of an enum, shown as its name."""

    def show(self, value: Any, _meter: Meter, /) -> Node:
        return _name(value)

    def hint(self, value: Any, /) -> Any:
        return type(value)


@lru_cache(maxsize=1024)
def _name(member: Enum) -> str:
    return clean(member.name or str(member))


class PathText(Leaf):
    """A file system path, shown as text."""

    def show(self, value: Any, meter: Meter, /) -> Node:
        return _text(str(value), meter)

    def hint(self, value: Any, /) -> Any:
        return type(value)


class NumpyScalar(Leaf):
    """A number of NumPy's own types, shown as the Python number; an edit keeps the NumPy type."""

    def show(self, value: Any, _meter: Meter, /) -> Node:
        return value.item()

    def hint(self, value: Any, /) -> Any:
        return type(value)


class Bytes(Leaf):
    def show(self, value: Any, meter: Meter, /) -> Node:
        shown = bytes(value[: meter.budget.text])
        meter.left -= len(shown) // 64
        return {"$": "bytes", "n": len(value), "v": base64.b64encode(shown).decode()}


class Text(Leaf):
    """Anything else."""

    def show(self, value: Any, meter: Meter, /) -> Node:
        text = repr(value)
        meter.left -= len(text) // 64
        return {"$": "text", "type": type(value).__name__, "v": clean(text[:_LONGEST_REPR])}


class Unreadable(Struct, frozen=True):
    """Takes the place of an attribute that was not read. `why`: reading it raised, or there was no time left."""

    why: Literal["error", "budget"]


class Broken(Leaf):
    """The kind of `Unreadable`."""

    def show(self, value: Any, _meter: Meter, /) -> Node:
        return cut(value.why)
