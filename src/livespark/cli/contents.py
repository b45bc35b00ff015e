"""What is in a snapshot's trees, for people and for other programs: arrays by path, and plain data. No I/O.

A tree is JSON; what JSON has not is an object with its kind under "$" (`runtime/snapshots` makes it). Here nothing is
made of it but plain data: containers become dicts and lists, what only Python has becomes text, and nothing is ever
executed. A part that is met twice is there twice; where one contains itself, it ends.
"""

import base64
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from livespark.errors import LivesparkError
from livespark.protocol import paths
from livespark.protocol.snapshots import Manifest

__all__ = ("Array", "Opaque", "each", "leaves", "plain_data")

_PARTS: Final = 5_000_000
_DEEPEST: Final = 150
_DIGITS: Final = 3_000
"""Of an integer in hex; one with more can't be written in decimal, and stays as it is."""

_INNER: Final = ("$", "id", "type", "of")


@dataclass(frozen=True)
class Array:
    """The array of that index in the manifest."""

    index: int


@dataclass(frozen=True)
class Opaque:
    """What only Python can make something of, in a word."""

    what: str


def plain_data(tree: Any) -> Any:
    """The tree as dicts, lists, tuples and scalars, with `Array` and `Opaque` in it.

    Of what tells its own state (modules, optimizers) it is what `state_dict()` gave. Raises LivesparkError.
    """
    return _Reader(tree, whole=False).data()


def leaves(manifest: Manifest) -> Iterator[tuple[str, Any]]:
    """All arrays and scalars of the persisted values by path, with what is beside a `state_dict` (gradients, modes).

    Raises LivesparkError.
    """
    for key, saved in manifest.values.items():
        yield from each(_Reader(saved.tree, whole=True).data(), paths.join([key]))


def each(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """What is in plain data's containers, by path; an empty container is there itself."""
    if not isinstance(data, dict | list | tuple) or not data:
        yield path, data
        return
    for name, item in data.items() if isinstance(data, dict) else enumerate(data):
        yield from each(item, paths.child(path, str(name)))


class _Reader:
    """Reads one tree. `whole`: what is beside a `state_dict`, too."""

    def __init__(self, tree: Any, *, whole: bool) -> None:
        self._tree = tree
        self._whole = whole
        self._left = _PARTS
        self._shared = {node["id"]: node for node in _tagged(tree) if _is_shared(node)}
        self._open: set[Any] = set()

    def data(self) -> Any:
        """Raises LivesparkError: for what has no end, and for what is no tree."""
        try:
            return self._read(self._tree, 0)
        except (TypeError, ValueError, KeyError) as error:
            raise LivesparkError(f"the snapshot's values are not what this version writes ({error})") from None

    def _read(self, node: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            raise LivesparkError("the snapshot's values are too large, or nested too deeply, to be written out")
        if isinstance(node, list):
            return [self._read(item, depth + 1) for item in node]
        if not isinstance(node, dict):
            return node
        if "$" not in node:
            return {key: self._read(item, depth + 1) for key, item in node.items()}
        name = node.get("id")
        if node["$"] == "ref":
            known = name in self._shared and name not in self._open
            return self._read(self._shared[name], depth + 1) if known else Opaque("a part that contains itself")
        if name is None:
            return self._special(node, depth + 1)
        self._open.add(name)
        try:
            return self._special(node, depth + 1)
        finally:
            self._open.remove(name)

    def _special(self, node: dict[str, Any], depth: int) -> Any:
        kind = node["$"]
        if kind == "state":
            return self._state(node, depth)
        if kind in ("pickle", "global", "module", "method"):
            return Opaque(f"{kind} {node.get('type') or node.get('name')}")
        if kind == "shards" and len(node["pieces"]) == 1:
            return self._read(node["pieces"][0]["array"], depth)
        if "items" in node:
            return self._container(kind, node["items"], depth)
        if isinstance(node.get("i"), int):
            return Array(node["i"])
        if "v" in node:
            return _simple(kind, node)
        if kind == "object" and "content" not in node:
            return self._read(node["attributes"], depth)
        return {name: self._read(item, depth) for name, item in node.items() if name not in _INNER}

    def _state(self, node: dict[str, Any], depth: int) -> Any:
        state = self._read(node.get("tree"), depth)
        more = self._read(node.get("more"), depth) if self._whole else None
        if not isinstance(more, dict) or not more:
            return state
        beside = {f"({name})": item for name, item in more.items()}
        return {**state, **beside} if isinstance(state, dict) else {"state": state, **beside}

    def _container(self, kind: str, items: list[Any], depth: int) -> Any:
        if kind in ("dict", "mapping"):
            return {_key(self._read(key, depth)): self._read(item, depth) for key, item in items}
        read = [self._read(item, depth) for item in items]
        return tuple(read) if kind in ("tuple", "namedtuple") else read


def _is_shared(node: dict[str, Any]) -> bool:
    return isinstance(node.get("id"), int | str) and node["$"] != "ref"


def _tagged(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            waiting += node.values()
            if "$" in node:
                yield node
        elif isinstance(node, list):
            waiting += node


def _key(key: Any) -> Any:
    return key if isinstance(key, bool | int | float | str | None) else str(key)


_SIMPLE: Final[Mapping[str, Callable[[Any], Any]]] = {
    "float": lambda text: struct.unpack(">d", bytes.fromhex(text))[0],
    "int": lambda text: int(text, 16) if len(text) <= _DIGITS else text,
    "str": lambda text: base64.b64decode(text).decode("utf-8", "replace"),
    "complex": lambda text: complex(*struct.unpack(">dd", bytes.fromhex(text))),
    "bytes": base64.b64decode,
    "bytearray": base64.b64decode,
}


def _simple(kind: str, node: dict[str, Any]) -> Any:
    """A scalar that JSON has not: as it is where every program has it, else as text."""
    try:
        return _SIMPLE[kind](node["v"]) if kind in _SIMPLE else str(node["v"])
    except (ValueError, TypeError, struct.error):
        return Opaque(f"a damaged {kind}")
