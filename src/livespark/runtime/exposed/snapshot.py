"""What one sample has found, and the difference between two of them."""

from typing import Any, Final

from msgspec import Struct

from livespark.protocol.live import Field, Function
from livespark.runtime.exposed.kinds import Node
from livespark.runtime.exposed.wire import finish, to_wire

__all__ = ("Differ", "ExposedDelta", "Snapshot")

_MISSING: Final = object()


class Snapshot(Struct, frozen=True):
    """Immutable, handed from thread to thread. `structure` is the same object while paths and types are the same."""

    values: dict[str, Node] = {}
    structure: object = None
    fields: dict[str, Field] = {}
    functions: dict[str, Function] = {}


class ExposedDelta(Struct, frozen=True):
    """The exposed part of a `protocol.live.LiveDelta`.

    `full` may be set where it was not asked for: when merging would leave the values in another order than they have.
    `dropped` is right even then, so nothing but the order is lost on a receiver that merges all the same.
    """

    full: bool
    values: dict[str, Any]
    dropped: list[str]
    fields: dict[str, Field] | None
    functions: dict[str, Function] | None


class Differ:
    """Knows what was sent last. For one thread."""

    def __init__(self) -> None:
        self._sent = Snapshot()

    def delta(self, new: Snapshot, *, full: bool) -> ExposedDelta | None:
        """What the receiver lacks; None if nothing."""
        old, self._sent = self._sent, new
        if full:
            return _whole(new, [])
        dropped: list[str] = []
        if new.structure is not old.structure:
            dropped = [path for path in old.values if path not in new.values]
            if not _keeps_order(old.values, new.values):
                return _whole(new, dropped)
        changed = _without_same(to_wire(_changed(old.values, new.values)), old.values)
        fields = None if new.fields is old.fields or new.fields == old.fields else new.fields
        functions = None if new.functions == old.functions else new.functions
        if not (changed or dropped) and fields is None and functions is None:
            return None
        return ExposedDelta(False, changed, dropped, fields, functions)


def _whole(new: Snapshot, dropped: list[str]) -> ExposedDelta:
    return ExposedDelta(True, to_wire(new.values), dropped, new.fields, new.functions)


def _keeps_order(old: dict[str, Node], new: dict[str, Node]) -> bool:
    """Whether merging leaves the paths in the order of `new`: survivors first, as they were, then the added ones."""
    merged = [path for path in old if path in new]
    merged += [path for path in new if path not in old]
    return merged == list(new)


def _changed(old: dict[str, Node], new: dict[str, Node]) -> dict[str, Node]:
    known = old.get
    return {
        path: node
        for path, node in new.items()
        if (before := known(path, _MISSING)) is not node
        and (before != node or type(before) is not type(node))
        and (node == node or before == before)  # NaN after NaN is no change
    }


def _without_same(changed: dict[str, Node], old: dict[str, Node]) -> dict[str, Node]:
    """Arrays that differ only because NaN is unequal to itself have not changed."""
    same = {path for path, node in changed.items() if type(node) is dict and path in old and finish(old[path]) == node}
    return {path: node for path, node in changed.items() if path not in same} if same else changed
