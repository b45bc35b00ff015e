"""Edits from outside: checked as a whole, then applied as a whole."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec import Struct

from livespark.errors import CommandRefused
from livespark.protocol import paths
from livespark.protocol.codec import from_node
from livespark.protocol.shapes import show
from livespark.runtime.exposed.kinds import Change, Node, cut
from livespark.runtime.exposed.nested import encode
from livespark.runtime.exposed.places import Place, find_place
from livespark.runtime.exposed.plans import Action, Planner
from livespark.runtime.exposed.registry import Registry
from livespark.runtime.exposed.root import Bindings

__all__ = ("Applied", "Edit", "prepare")


class Applied(Struct, frozen=True):
    """What the values are now, by path, as nodes; and what else a person should know."""

    values: dict[str, Node]
    note: str = ""


class Edit:
    """A checked edit that waits to be applied, at once or not at all."""

    def __init__(self, places: list[Place], actions: list[Action], registry: Registry) -> None:
        self._places = places
        self._actions = actions
        self._registry = registry

    def apply(self) -> Applied:
        """Apply everything. Raises CommandRefused when something refuses; then nothing is changed."""
        done: list[Change] = []
        for action in self._actions:
            try:
                done.append(action.run())
            except BaseException as error:
                _undo(done)
                if not isinstance(error, Exception):
                    raise
                raise CommandRefused(f"{action.path} can't be set: {_reason(error)}") from None
        notes = dict.fromkeys(change.note for change in done if change.note)
        return Applied({place.path: self._read(place) for place in self._places}, "; ".join(notes))

    def _read(self, place: Place) -> Node:
        try:
            return encode(place.get(), self._registry)
        except Exception:
            return cut("error")


def _undo(done: list[Change]) -> None:
    for change in reversed(done):
        with suppress(Exception):
            change.undo()


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def prepare(bindings: Bindings, values: Mapping[str, Node], registry: Registry) -> Edit:
    """Check an edit against everything exposed. Raises CommandRefused; nothing is applied."""
    if not values:
        raise CommandRefused("there is nothing to set: no values were given")
    planner = Planner(bindings, registry)
    places = [find_place(bindings, path, registry) for path in values]
    _refuse_overlaps([place.path for place in places])
    plans = [_plan(planner, place, node) for place, node in zip(places, values.values(), strict=True)]
    return Edit(places, [action for plan in plans for action in plan], registry)


def _refuse_overlaps(given: list[str]) -> None:
    known = set(given)
    for path in given:
        segments = paths.split(path)
        for end in range(1, len(segments)):
            if (above := paths.join(segments[:end])) in known:
                raise CommandRefused(f"{path!r} belongs to {above!r}: set one or the other")


def _plan(planner: Planner, place: Place, node: Node) -> list[Action]:
    try:
        return planner.plan(place, _decode(place, node))
    except CommandRefused:
        raise
    except Exception as error:  # what is there, or its type, may be anything
        raise CommandRefused(f"{place.path} can't be set: {_reason(error)}") from None


def _decode(place: Place, node: Node) -> Any:
    try:
        return from_node(node)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise CommandRefused(f"{place.path} can't be set: {show(node)} is no value") from None
