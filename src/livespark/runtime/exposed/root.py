"""The root of all paths: the bindings of a script, by name."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from livespark.errors import UsageError
from livespark.runtime.exposed.declared import ReadOnly
from livespark.runtime.exposed.kinds import Container, Entry, Node, Rule

__all__ = ("Bindings", "RootKind", "bindings_of", "free_name")

_COPY: Final = "is a copy that the script does not look at again; expose the dict or object that it belongs to"
_LOCKED: Final = "is exposed read-only"


class Bindings(dict[str, Any]):
    """What a script exposes: name to value, some of them wrapped in `ReadOnly`."""


class RootKind(Container):
    """Bindings are never replaced from outside: the script holds the same objects under names of its own."""

    calls = True

    def entries(self, owner: Bindings, limit: int, /) -> tuple[Sequence[Entry], int]:
        return [(name, _unwrap(item)) for name, item in owner.items()][:limit], len(owner)

    def show(self, _owner: Bindings, count: int, /) -> Node:
        return {"$": "dict", "n": count}

    def find(self, owner: Bindings, segment: str, /) -> str:
        if segment not in owner:
            raise KeyError(segment)
        return segment

    def get(self, owner: Bindings, key: str, /) -> Any:
        return _unwrap(owner[key])

    def rule(self, owner: Bindings, key: str, _item: Any, _hint: Any, /) -> Rule:
        return Rule(read_only=_COPY, lock=_LOCKED if isinstance(owner[key], ReadOnly) else "")


def _unwrap(item: Any) -> Any:
    return item.value if isinstance(item, ReadOnly) else item


def bindings_of(given: Mapping[str, Any]) -> Bindings:
    """Checked bindings. Raises UsageError for a name that is none."""
    for name in given:
        if not isinstance(name, str) or not name:
            raise UsageError(f"a value is exposed under a name, not under {name!r}")
    return Bindings(given)


def free_name(bindings: Mapping[str, Any], name: str) -> str:
    """`name`, or the first of name2, name3, ... that is not taken."""
    count, candidate = 1, name
    while candidate in bindings:
        count += 1
        candidate = f"{name}{count}"
    return candidate
