"""What encoding and restoring share: nodes, the errors of both, how types are named and found again."""

import sys
from collections.abc import Callable
from enum import Enum
from types import MemberDescriptorType
from typing import Any, Final, NamedTuple, Protocol, TypeAlias, TypeVar

from livespark.errors import LivesparkError
from livespark.protocol.snapshots import ArrayEntry

__all__ = (
    "MISSING",
    "Encoding",
    "Leaf",
    "Node",
    "Putting",
    "Unfit",
    "Unsavable",
    "find",
    "is_tagged",
    "joined",
    "name_of",
    "slots",
)

_N = TypeVar("_N")

Node: TypeAlias = Any
"""What JSON can hold, see `trees.py`."""


class _Missing(Enum):
    MISSING = "missing"

    def __repr__(self) -> str:
        return "nothing"


MISSING: Final = _Missing.MISSING
"""Stands for a value that is not there."""


class Leaf(NamedTuple):
    """An array to be written. `dtype`: safetensors' name. `data()`: its bytes, little-endian, in C order, as "B"; to be
    called when the copies in host memory are complete, on any thread."""

    dtype: str
    shape: tuple[int, ...]
    data: Callable[[], memoryview]


class Unsavable(LivesparkError):
    """A value can't be saved. The text names it and says why."""


class Unfit(LivesparkError):
    """A snapshot's content can't be put into what the script has made. The text says what differs, and where."""


def name_of(thing: Any) -> str:
    """Where a class or a function is found again: `module:qualified.name`."""
    return f"{thing.__module__}:{thing.__qualname__}"


def find(name: Any) -> Any:
    """The class or function of that name in the modules that are loaded; MISSING if it is not there.

    Nothing is imported, and nothing is executed: only the dictionaries of modules and classes are looked into.
    """
    module_name, _, path = str(name).partition(":")
    found: Any = sys.modules.get(module_name, MISSING)
    for part in path.split("."):
        found = getattr(found, "__dict__", {}).get(part, MISSING) if isinstance(found, type | type(sys)) else MISSING
    return found


def is_tagged(node: Node) -> bool:
    return isinstance(node, dict) and "$" in node


def joined(path: str, part: object) -> str:
    """The path of a part: `param_groups.0.lr`."""
    return f"{path}.{part}" if path else str(part)


def slots(cls: type) -> dict[str, MemberDescriptorType]:
    """The descriptors of a class' slots by name."""
    found: dict[str, MemberDescriptorType] = {}
    for base in reversed(cls.__mro__):
        if "__slots__" in vars(base):
            found |= {name: each for name, each in vars(base).items() if isinstance(each, MemberDescriptorType)}
    return found


class Encoding(Protocol):
    """What the encoder of one kind of value asks of the whole."""

    def node(self, value: Any, path: str, /) -> Node:
        """The node of a part. Raises Unsavable."""

    def begin(self, value: Any, node: _N, /) -> _N:
        """This will be the node of `value`, should it be met again, also among its own parts."""

    def leaf(self, leaf: Leaf, /) -> int: ...
    def tensor(self, tensor: Any, make: Callable[[Any, Any], Leaf], /) -> int:
        """-> the index of the leaf with the tensor's numbers; `make(copied, tensor)` makes it, once."""

    def pickled(self, data: bytes, /) -> int: ...


class Putting(Protocol):
    """What the restorer of one kind of value asks of the whole."""

    borrows: bool
    """Tensors may be made in the memory where the snapshot was read: they are only copied from."""

    def fill(self, node: Node, living: Any, path: str, /) -> Any:
        """The value: `living` itself, if it can take the content, else a new one. Raises Unfit."""

    def as_saved(self, node: Node, path: str, living: Any = MISSING, /) -> Any:
        """A new value out of plain data, whatever new code or config has changed; `living`: what may be used for it."""

    def item(self, node: Node, living: Any, path: str, /) -> Any:
        """As `fill`, but `living` (MISSING included) stays where new code or config has changed it."""

    def begin(self, node: Node, value: _N, /) -> _N:
        """The value of this node is `value`, which is not used for another one."""

    def is_free(self, living: Any, kind: type, /) -> bool:
        """Whether `living` is exactly of this class, and no other node's value."""

    def is_kept(self, path: str, /) -> bool:
        """Whether new code or config has changed what is there."""

    def changed_below(self, path: str, /) -> list[str]:
        """The paths below where new code or config has changed something."""

    def note_kept(self, path: str, saved: Any, living: Any, /) -> None:
        """`living` stays there, and not `saved`; people are told."""

    def pin(self, group: dict[str, Any], name: str, /) -> None:
        """A hyperparameter of an optimizer stays as it is, whatever a scheduler's snapshot says of it."""

    def is_pinned(self, group: dict[str, Any], name: str, /) -> bool: ...
    def array(self, index: Any, /) -> tuple[ArrayEntry, memoryview]: ...
    def pickle(self, index: Any, /) -> bytes: ...
    def note(self, sentence: str, /) -> None: ...
