"""Any value as data, so that its content can be put into another object of the same making, in another process.

Theory: a *tree* is what JSON can hold, and beside it arrays and pickles, which it names by index. Scalars, arrays
(lists) and objects (dictionaries with text keys) of JSON are themselves; all else is an object with "$", its kind:

    scalars      float (not finite), int (large), str (half surrogates), complex, path, datetime, decimal, enum, ...
    containers   list, dict, tuple, namedtuple, set, frozenset, deque, bytes, bytearray, numbers (array.array)
    array        {"$": "array", "i": index}: a tensor; with "of": "numpy" an array of NumPy
    shards       a tensor spread over processes, see `sharded.py`
    generator    a random generator: `of`, its state
    state        `tree`: what an object's `state_dict()` gave; `more`: what that leaves out, see `modules.py`
    object       `type`, `attributes`: an object of a class of the script, and `content` if it is a container, too
    global       a function or class by name
    pickle       what nothing else fits
    ref          the value of the node whose "id" is this "id": shared references and cycles stay what they are

A node gets an "id" only when its value is met twice. Nothing in a tree is ever executed (`putting.py`): it can only
fill what the script itself has made, or make plain data.
"""

import gc
import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from livespark.protocol.snapshots import SavedValue
from livespark.runtime.snapshots import containers, numeric, objects, simple, stateful
from livespark.runtime.snapshots.nodes import MISSING, Leaf, Node, Unsavable, name_of

__all__ = ("Encoder", "Leaf", "Unsavable", "saved_value")

_N = TypeVar("_N")
_Encode: TypeAlias = Callable[["Encoder", Any, str], Node]


class Encoder:
    """Encodes the values of one snapshot. Training thread.

    `copy`: gives a tensor's copy on the host, contiguous, which nobody will change; the same for the same piece of
    memory. `leaves` and `pickles` are what the trees name by index.
    """

    def __init__(self, copy: Callable[[Any], Any]) -> None:
        self.leaves: list[Leaf] = []
        self.pickles: list[bytes] = []
        self._copy = copy
        self._by_type: dict[type, _Encode] = {}
        self._tensors: dict[int, tuple[Any, int]] = {}
        self._known: dict[bytes, int] = {}
        self._met: dict[int, tuple[Any, Node]] = {}
        self._shared: dict[int, int] = {}
        self._ids = 0

    def encode(self, value: Any, path: str) -> Node:
        """The value's tree. `path`: how people know the value. Raises Unsavable; then nothing of it is in `leaves`."""
        leaves, pickles = len(self.leaves), len(self.pickles)
        try:
            with _no_collection():
                return self._marked(self.node(value, path))
        except RecursionError:
            self._forget(leaves, pickles)
            raise Unsavable(f"{path} is nested too deeply to be saved") from None
        except BaseException:
            self._forget(leaves, pickles)
            raise
        finally:
            self._met.clear()
            self._shared.clear()
            self._ids = 0

    def node(self, value: Any, path: str) -> Node:
        """The node of a part of the value."""
        kind = type(value)
        if kind in simple.SCALARS:
            return simple.scalar(kind, value)
        if met := self._met.get(id(value)):
            return self._reference(met[1])
        if known := self._by_type.get(kind):
            node = known(self, value, path)
            if node is not MISSING:
                return node
        return self._first_of_kind(kind, value, path)

    def _first_of_kind(self, kind: type, value: Any, path: str) -> Node:
        ways: tuple[_Encode, ...] = (simple.encode, containers.encode, numeric.encode, *_of_torch(), stateful.encode)
        for encode in ways:
            node = encode(self, value, path)
            if node is not MISSING:
                self._by_type[kind] = encode
                return node
        return objects.encode(self, value, path)

    def begin(self, value: Any, node: _N) -> _N:
        self._met[id(value)] = (value, node)
        return node

    def leaf(self, leaf: Leaf) -> int:
        self.leaves.append(leaf)
        return len(self.leaves) - 1

    def tensor(self, tensor: Any, make: Callable[[Any, Any], Leaf]) -> int:
        copied = self._copy(tensor)
        known = self._tensors.get(id(copied))
        if known is None:
            known = self._tensors[id(copied)] = (copied, tensor), self.leaf(make(copied, tensor))
        return known[1]

    def pickled(self, data: bytes) -> int:
        key = hashlib.sha256(data).digest()
        if key not in self._known:
            self._known[key] = len(self.pickles)
            self.pickles.append(data)
        return self._known[key]

    def _reference(self, node: Node) -> Node:
        number = self._shared.get(id(node))
        if number is None:
            self._ids += 1
            number = self._shared[id(node)] = self._ids
            if isinstance(node, dict) and "$" in node:
                node["id"] = number
        return {"$": "ref", "id": number}

    def _marked(self, node: Node) -> Node:
        """The tree with the numbers of those JSON arrays and objects that were met twice."""
        return _with_ids(node, self._shared) if self._shared else node

    def _forget(self, leaves: int, pickles: int) -> None:
        del self.leaves[leaves:], self.pickles[pickles:]
        self._tensors = {key: known for key, known in self._tensors.items() if known[1] < leaves}
        self._known = {key: index for key, index in self._known.items() if index < pickles}


@contextmanager
def _no_collection() -> Iterator[None]:
    """Many small objects are made, and none to be collected: looking for some would take longer than all the rest."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _with_ids(node: Node, shared: dict[int, int]) -> Node:
    if isinstance(node, list):
        items = [_with_ids(item, shared) for item in node]
        return {"$": "list", "id": shared[id(node)], "items": items} if id(node) in shared else items
    if not isinstance(node, dict):
        return node
    marked = {name: _with_ids(part, shared) for name, part in node.items()}
    if id(node) in shared and "$" not in node:
        return {"$": "dict", "id": shared[id(node)], "items": [[name, part] for name, part in marked.items()]}
    return marked


def _of_torch() -> tuple[_Encode, ...]:
    if "torch" not in sys.modules:
        return ()
    from livespark.runtime.snapshots import torch_values  # noqa: PLC0415 - the seam: the script has loaded torch

    return (torch_values.encode,)


def saved_value(encoder: Encoder, key: str, value: Any, made: dict[str, Any]) -> SavedValue:
    """One persisted value, encoded. `made`: what `plain_values` said when it was made. Raises Unsavable."""
    return SavedValue(name_of(type(value)), encoder.encode(value, f"persist({key!r})"), made)
