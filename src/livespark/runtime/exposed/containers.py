"""Plain containers: mappings, sequences, sets, named tuples."""

from collections.abc import Callable, MutableMapping, MutableSequence, Sequence
from contextlib import suppress
from enum import Enum
from itertools import islice
from pathlib import PurePath
from typing import Any, Final

from livespark.runtime.exposed.hints import class_hints, item_hint
from livespark.runtime.exposed.kinds import ANYTHING, Change, Container, Entry, Node, Rule
from livespark.runtime.exposed.leaves import clean

__all__ = ("MappingKind", "NamedTupleKind", "SequenceKind", "SetKind", "exchange", "index_below")

_INDICES: Final = tuple(map(str, range(10_000)))
_LONGEST_NAME: Final = 200
_NAMEABLE: Final = (str, int, float, bytes, tuple, Enum, PurePath, type(None))


class MappingKind(Container):
    """Dicts and other mappings. Keys are named by their text; where two share it, the one that is a text is meant."""

    calls = True

    def entries(self, owner: Any, limit: int, /) -> tuple[Sequence[Entry], int]:
        found = list(islice(owner.items(), limit))
        if any(type(key) is not str or len(key) > _LONGEST_NAME for key, _ in found):
            found = [(name, item) for key, item in found if (name := _name(owner, key)) is not None]
        return found, len(owner)

    def show(self, _owner: Any, count: int, /) -> Node:
        return {"$": "dict", "n": count}

    def find(self, owner: Any, segment: str, /) -> Any:
        if segment in owner:
            return segment
        for key in owner:
            if _name(owner, key) == segment:
                return key
        raise KeyError(segment)

    def get(self, owner: Any, key: Any, /) -> Any:
        return owner[key]

    def put(self, owner: Any, key: Any, value: Any, /) -> Change:
        return exchange(lambda: owner[key], lambda new: owner.__setitem__(key, new), value)

    def rule(self, owner: Any, key: Any, _item: Any, hint: Any, /) -> Rule:
        reason = (
            "" if isinstance(owner, MutableMapping) else f"belongs to a {type(owner).__name__}, which can't be changed"
        )
        return Rule(item_hint(hint, key), reason)

    def common_rule(self, owner: Any, hint: Any, /) -> Rule | None:
        return self.rule(owner, None, None, hint) if hint is ANYTHING else None


def _name(owner: Any, key: Any) -> str | None:
    """The path segment of a key; None where it has none of its own."""
    if not isinstance(key, _NAMEABLE):
        return None
    name = key if type(key) is str else str(key)
    if len(name) > _LONGEST_NAME or (type(key) is not str and name in owner):
        return None
    return clean(name)


class SequenceKind(Container):
    """Lists, deques and tuples."""

    def entries(self, owner: Any, limit: int, /) -> tuple[Sequence[Entry], int]:
        return list(zip(_INDICES[:limit], owner, strict=False)), len(owner)

    def show(self, _owner: Any, count: int, /) -> Node:
        return {"$": "list", "n": count}

    def find(self, owner: Any, segment: str, /) -> int:
        return index_below(segment, len(owner))

    def get(self, owner: Any, key: int, /) -> Any:
        return owner[key]

    def put(self, owner: Any, key: int, value: Any, /) -> Change:
        return exchange(lambda: owner[key], lambda new: owner.__setitem__(key, new), value)

    def rule(self, owner: Any, key: int, _item: Any, hint: Any, /) -> Rule:
        changeable = isinstance(owner, MutableSequence)
        reason = "" if changeable else f"belongs to a {type(owner).__name__}, which can only be set as a whole"
        return Rule(item_hint(hint, key), reason)

    def common_rule(self, owner: Any, hint: Any, /) -> Rule | None:
        return self.rule(owner, 0, None, hint) if hint is ANYTHING else None


class SetKind(Container):
    """Sets: listed in their own order, never edited by position."""

    def entries(self, owner: Any, limit: int, /) -> tuple[Sequence[Entry], int]:
        return list(zip(_INDICES[:limit], owner, strict=False)), len(owner)

    def show(self, _owner: Any, count: int, /) -> Node:
        return {"$": "list", "n": count}

    def find(self, owner: Any, segment: str, /) -> int:
        return index_below(segment, len(owner))

    def get(self, owner: Any, key: int, /) -> Any:
        return next(islice(owner, key, None))

    def rule(self, _owner: Any, _key: int, _item: Any, _hint: Any, /) -> Rule:
        return Rule(read_only="belongs to a set, whose items have no fixed place")


class NamedTupleKind(Container):
    """Named tuples: shown as objects."""

    def entries(self, owner: Any, limit: int, /) -> tuple[Sequence[Entry], int]:
        return list(zip(owner._fields[:limit], owner, strict=False)), len(owner)

    def show(self, owner: Any, count: int, /) -> Node:
        return {"$": "object", "type": type(owner).__name__, "n": count}

    def find(self, owner: Any, segment: str, /) -> int:
        with suppress(ValueError):
            return int(owner._fields.index(segment))
        raise KeyError(segment)

    def get(self, owner: Any, key: int, /) -> Any:
        return owner[key]

    def rule(self, owner: Any, key: int, _item: Any, _hint: Any, /) -> Rule:
        declared = class_hints(type(owner)).get(owner._fields[key], ANYTHING)
        return Rule(declared, f"belongs to a {type(owner).__name__}, a tuple, which can't be changed")


def index_below(segment: str, count: int) -> int:
    """The position that a segment names, spelled as `str` spells it. Raises KeyError for any other text."""
    if not segment.isdecimal() or len(segment) > 18 or segment != str(int(segment)) or int(segment) >= count:
        raise KeyError(segment)
    return int(segment)


def exchange(get: Callable[[], Any], assign: Callable[[Any], object], value: Any) -> Change:
    """Assign `value` where `get` reads. If assigning raises after it has changed something, that is put back."""
    old = get()
    try:
        assign(value)
    except BaseException:
        with suppress(Exception):
            if get() is not old:
                assign(old)
        raise
    return Change(lambda: assign(old))
