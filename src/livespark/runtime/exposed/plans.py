"""From a place and a value to what has to be done; here everything that can be refused beforehand is refused.

What can be set: scalars; elements of an array; and, as a whole, a dict, list or tuple of scalars. A dict keeps its
names and each item its type; a list may change its length, a tuple may not, and their items keep their type. Dicts and
lists stay the same objects, because the script holds them under names of its own.
"""

from collections.abc import Callable, Mapping, MutableSequence
from typing import Any, Final

from msgspec import Struct

from livespark.errors import CommandRefused
from livespark.protocol import paths
from livespark.protocol.live import Shape
from livespark.protocol.shapes import check
from livespark.runtime.exposed.arrays import ArrayLeaf
from livespark.runtime.exposed.containers import MappingKind, SequenceKind, SetKind
from livespark.runtime.exposed.forms import accept, is_known
from livespark.runtime.exposed.kinds import Change, Container, Hidden, Leaf
from livespark.runtime.exposed.optimizers import PairKind
from livespark.runtime.exposed.places import Place, find_place
from livespark.runtime.exposed.registry import Registry
from livespark.runtime.exposed.root import Bindings

__all__ = ("Action", "Planner")

_SCALAR: Final = bool | int | float | str | None


class Action(Struct, frozen=True):
    """One change to be made, and where a person would look for it."""

    path: str
    run: Callable[[], Change]


class Planner:
    """What has to be done for a value to get to its place."""

    def __init__(self, bindings: Bindings, registry: Registry) -> None:
        self._bindings = bindings
        self._registry = registry

    def plan(self, place: Place, value: Any) -> list[Action]:
        if isinstance(place.kind, MappingKind):
            return self._names(place, value)
        if isinstance(place.kind, PairKind):
            return self._positions(place, value)
        if isinstance(place.kind, SequenceKind):
            return [self._sequence(place, value)]
        return [self._scalar(place, value)]

    def _scalar(self, place: Place, value: Any) -> Action:
        hint = place.hint()
        if hint is None:
            raise CommandRefused(f"{place.path} can't be set: {_nature(place)}")
        _refuse_read_only(place, place.read_only)
        accepted = _accepted(place, hint, value)
        return Action(place.path, lambda: place.put(accepted))

    def _names(self, place: Place, value: Any) -> list[Action]:
        given = _checked(place, Shape("dict"), value)
        if problem := _other_names(place, given):
            raise CommandRefused(f"{place.path} must keep its names: {problem}")
        return self._parts(place, given)

    def _positions(self, place: Place, value: Any) -> list[Action]:
        given = _checked(place, Shape("list"), value)
        count = len(place.item.items)
        if len(given) != count:
            raise CommandRefused(f"{place.path} must be a list of {count}, not of {len(given)}")
        return self._parts(place, {str(index): item for index, item in enumerate(given)})

    def _parts(self, place: Place, given: Mapping[str, Any]) -> list[Action]:
        return [self._part(place, self._child(place, name), item) for name, item in given.items()]

    def _part(self, whole: Place, place: Place, value: Any) -> Action:
        if place.hint() is None:
            raise CommandRefused(f"{whole.path} holds more than plain values: set its parts one by one")
        return self._scalar(place, value)

    def _sequence(self, place: Place, value: Any) -> Action:
        changeable = isinstance(place.item, MutableSequence)
        _refuse_read_only(place, place.rule.lock if changeable else place.read_only)
        accepted = _accepted(place, self._sequence_hint(place, value), value)
        if changeable:
            return Action(place.path, lambda: _refill(place.item, accepted))
        return Action(place.path, lambda: place.put(accepted))

    def _sequence_hint(self, place: Place, value: Any) -> Any:
        """The declared type, else one made from the items that are there."""
        if is_known(place.rule.hint):
            return place.rule.hint
        hints = {cls: self._own_hint(item) for cls, item in {type(item): item for item in place.item}.items()}
        if None in hints.values():
            raise CommandRefused(f"{place.path} holds more than plain values: set its parts one by one")
        if isinstance(place.item, tuple):
            return _tuple_hint(place, [hints[type(item)] for item in place.item], value)
        return list[next(iter(hints.values())) if len(hints) == 1 else _SCALAR]  # type: ignore[misc]

    def _own_hint(self, item: Any) -> Any:
        kind = self._registry.kind(type(item))
        return kind.hint(item) if isinstance(kind, Leaf) else None

    def _child(self, place: Place, name: str) -> Place:
        return find_place(self._bindings, paths.child(place.path, name), self._registry)


def _other_names(place: Place, given: Mapping[str, Any]) -> str:
    """What a dict would gain or lose; "" when nothing."""
    if len(given) != len(place.item):
        return f"it has {len(place.item)}, not {len(given)}"
    names = {name for name, _ in MappingKind().entries(place.item, len(given))[0]}
    return f"it has no {min(new)!r}" if (new := set(given) - names) else ""


def _tuple_hint(place: Place, hints: list[Any], value: Any) -> Any:
    given = _checked(place, Shape("list"), value)
    if len(given) != len(hints):
        raise CommandRefused(f"{place.path} must be a list of {len(hints)}, not of {len(given)}")
    return tuple[tuple(hints)]  # type: ignore[misc]


def _nature(place: Place) -> str:
    """Why nothing can be put there: what it is."""
    if isinstance(place.kind, Hidden):
        return "it is a function; call it" if place.kind.function else "it is code"
    if isinstance(place.kind, ArrayLeaf):
        return "it is an array; set its elements" if place.item.ndim else f"it {place.kind.lock(place.item)}"
    if isinstance(place.kind, Container) and not isinstance(place.kind, SetKind):
        return f"it is a {type(place.item).__name__}; set its parts one by one"
    return f"it is a {type(place.item).__name__}"


def _refuse_read_only(place: Place, reason: str) -> None:
    if reason:
        raise CommandRefused(f"{place.path} can't be set: it {reason}")


def _accepted(place: Place, hint: Any, value: Any) -> Any:
    try:
        return accept(hint, value)
    except ValueError as error:
        raise CommandRefused(
            f"{place.path} {error}" if str(error).startswith("must") else f"{place.path}: {error}"
        ) from None


def _checked(place: Place, shape: Shape, value: Any) -> Any:
    try:
        return check(shape, value)
    except ValueError as error:
        raise CommandRefused(f"{place.path} {error}") from None


def _refill(sequence: Any, items: Any) -> Change:
    """Other items in the same list."""
    old = list(sequence)

    def fill(new: Any) -> None:
        sequence.clear()
        sequence.extend(new)

    try:
        fill(items)
    except BaseException:
        fill(old)
        raise
    return Change(lambda: fill(old))
