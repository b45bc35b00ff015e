"""Paths to live objects: where an edit goes."""

from contextlib import suppress
from difflib import get_close_matches
from typing import Any, Final

from msgspec import Struct

from livespark.errors import CommandRefused
from livespark.protocol import paths
from livespark.runtime.exposed.arrays import ArrayLeaf
from livespark.runtime.exposed.fields import expected, obstacle
from livespark.runtime.exposed.kinds import Change, Container, Kind, Leaf, Reachable, Rule
from livespark.runtime.exposed.registry import Registry
from livespark.runtime.exposed.root import Bindings, RootKind

__all__ = ("Place", "find_place")

_ROOT: Final = RootKind()
_LISTED: Final = 200


class Place(Struct, frozen=True):
    """A part of something exposed, as it is now. For the training thread, and gone before the next step."""

    path: str
    within: Reachable
    owner: Any
    key: Any
    rule: Rule
    kind: Kind
    item: Any

    @property
    def read_only(self) -> str:
        """Why nothing may be put here; "" where something may."""
        return obstacle(self.within, self.rule, self.kind, self.item)

    def get(self) -> Any:
        return self.within.get(self.owner, self.key)

    def put(self, value: Any, /) -> Change:
        """Put an accepted value here; what is an array without dimensions stays the same array."""
        if isinstance(self.kind, ArrayLeaf) and not self.within.fills and self.kind.hint(self.item) is not None:
            return self.kind.fill(self.item, value)
        return self.within.put(self.owner, self.key, value)

    def hint(self) -> Any:
        """What belongs here; None for what is no scalar."""
        return expected(self.rule, self.kind, self.item) if isinstance(self.kind, Leaf) else None


def find_place(bindings: Bindings, path: str, registry: Registry) -> Place:
    """The place that `path` names. Raises CommandRefused."""
    try:
        segments = paths.split(path)
    except ValueError as error:
        raise CommandRefused(str(error)) from None
    place = _step(_ROOT, bindings, Rule(), segments[:1], registry)
    for end in range(2, len(segments) + 1):
        place = _step(place.kind, place.item, place.rule, segments[:end], registry)
    return place


def _step(within: Kind, owner: Any, scope: Rule, segments: list[str], registry: Registry) -> Place:
    """One segment further, from an owner that is reached already."""
    path = paths.join(segments)
    if not isinstance(within, Reachable):
        raise CommandRefused(f"there is no value {path!r}: {paths.join(segments[:-1])!r} has no parts")
    try:
        key = within.find(owner, segments[-1])
        item = within.get(owner, key)
        rule = within.rule(owner, key, item, scope.hint)
    except KeyError:
        raise CommandRefused(f"there is no value {path!r}{_advice(within, owner, segments)}") from None
    except Exception as error:
        raise CommandRefused(f"{path!r} can't be read: {type(error).__name__}: {error}") from None
    rule = rule._replace(lock=scope.lock or rule.lock)
    return Place(path, within, owner, key, rule, registry.kind(type(item)), item)


def _advice(within: Reachable, owner: Any, segments: list[str]) -> str:
    names: list[str] = []
    with suppress(Exception):  # the owner may be anything
        names = [name for name, _ in within.entries(owner, _LISTED)[0]] if isinstance(within, Container) else []
    if close := get_close_matches(segments[-1], names, n=1):
        return f"; did you mean {paths.join([*segments[:-1], close[0]])!r}?"
    if not names:
        return ""
    there = paths.join(segments[:-1]) if len(segments) > 1 else "this run"
    return f"; {there} has {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}"
