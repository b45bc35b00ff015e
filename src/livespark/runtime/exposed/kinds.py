"""What the rest of this package knows about the values it meets: each class of values has one `Kind`.

A `Leaf` is shown as one node. A `Container` is shown with its entries below it. Whatever parts can be reached by a
path, shown or not, belongs to something `Reachable`. Only the modules that implement kinds know the classes themselves.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from livespark.runtime.exposed.budget import Meter

__all__ = (
    "ANYTHING",
    "PLAIN",
    "Change",
    "Container",
    "Entry",
    "Hidden",
    "Kind",
    "Leaf",
    "Node",
    "Reachable",
    "Rule",
    "cut",
)

Node: TypeAlias = Any
"""A node of `protocol.live`, or a scalar that becomes one on the link's thread (`wire.to_wire`)."""

Entry: TypeAlias = tuple[str, Any]
ANYTHING: Any = Any
PLAIN: Final = frozenset({float, int, bool, type(None)})
"""Exactly these classes are their own nodes, and cost as good as nothing."""


class Rule(NamedTuple):
    """What may be put into a place: the declared type hint, or why nothing may (`lock`: nor into anything below it)."""

    hint: Any = ANYTHING
    read_only: str = ""
    lock: str = ""


class Change(NamedTuple):
    """Something that was done: how to undo it, and what else a person should know."""

    undo: Callable[[], object]
    note: str = ""


class Kind:
    """How values of one class are treated."""


class Leaf(Kind, ABC):
    """Shown as one node."""

    @abstractmethod
    def show(self, value: Any, meter: Meter, /) -> Node:
        """The node; it keeps nothing of `value` alive."""

    def hint(self, _value: Any, /) -> Any:
        """The type that a value must have to replace this one; None where it is no editable scalar."""
        return None


class Hidden(Leaf):
    """Code, no value: functions, classes, modules. Left out of objects, named in lists."""

    def __init__(self, *, function: bool = False) -> None:
        self.function = function

    def show(self, value: Any, _meter: Meter, /) -> Node:
        return {"$": "text", "type": type(value).__name__, "v": str(getattr(value, "__qualname__", ""))}


class Reachable(ABC):
    """Has parts, named by path segments. `fills`: `put` itself cares for parts that are arrays without dimensions."""

    fills = False

    @abstractmethod
    def find(self, owner: Any, segment: str, /) -> Any:
        """The key of the part that a path names. Raises KeyError."""

    @abstractmethod
    def get(self, owner: Any, key: Any, /) -> Any: ...

    def put(self, owner: Any, _key: Any, _value: Any, /) -> Change:
        """Replace a part. Raises whatever the owner raises; then nothing has changed."""
        raise TypeError(f"parts of a {type(owner).__name__} can't be replaced")

    def rule(self, _owner: Any, _key: Any, _item: Any, _hint: Any, /) -> Rule:
        """What may be put where `item` is, if the owner itself is declared as `hint`."""
        return Rule()

    def common_rule(self, _owner: Any, _hint: Any, /) -> Rule | None:
        """The rule of every part alike, where there is one."""
        return None


class Container(Kind, Reachable):
    """Shown as a node with entries below it. `calls`: functions among the entries are exposed as functions."""

    calls = False

    @abstractmethod
    def entries(self, owner: Any, limit: int, /) -> tuple[Sequence[Entry], int]:
        """The first `limit` entries, by the segments that name them, and how many there are."""

    @abstractmethod
    def show(self, owner: Any, count: int, /) -> Node:
        """The node of the container itself."""


def cut(why: str, count: int | None = None) -> Node:
    """What stands for something that is not shown."""
    return {"$": "cut", "why": why} if count is None else {"$": "cut", "why": why, "n": count}
