"""Python's own containers as nodes."""

import base64
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from livespark.runtime.snapshots.nodes import MISSING, Encoding, Leaf, Node, name_of

__all__ = ("FACTORIES", "encode", "pairs")

_MANY: Final = 256
"""From so many numbers or bytes on, they are an array of their own."""
FACTORIES: Final[dict[str, type]] = {
    each.__name__: each for each in (bool, bytes, dict, float, int, list, set, str, tuple, Counter, deque, OrderedDict)
}
"""What a defaultdict may make its values with, by name."""
_NUMBERS: Final[dict[type, tuple[str, str]]] = {float: ("d", "F64"), int: ("q", "I64")}


def encode(encoder: Encoding, value: Any, path: str) -> Node:
    """MISSING for what is none of these containers."""
    if found := _ENCODERS.get(type(value)):
        return found(encoder, value, path)
    if isinstance(value, tuple) and type(value).__bases__ == (tuple,) and hasattr(value, "_fields"):
        parts = [encoder.node(part, f"{path}.{name}") for name, part in zip(value._fields, value, strict=True)]
        return encoder.begin(value, {"$": "namedtuple", "type": name_of(type(value)), "items": parts})
    return MISSING


def _list(encoder: Encoding, value: list[Any], path: str) -> Node:
    if len(value) >= _MANY and (packed := _packed(encoder, value)):
        return encoder.begin(value, packed)
    node: list[Node] = encoder.begin(value, [])
    node += [encoder.node(item, f"{path}[{index}]") for index, item in enumerate(value)]
    return node


def _packed(encoder: Encoding, value: list[Any]) -> Node:
    """A long list of numbers of one type is an array."""
    kinds = set(map(type, value))
    if len(kinds) != 1 or not (form := _NUMBERS.get(kinds.pop())):
        return None
    code, dtype = form
    try:
        numbers = array(code, value)
    except OverflowError:
        return None
    index = encoder.leaf(Leaf(dtype, (len(numbers),), lambda: memoryview(numbers).cast("B")))
    return {"$": "list", "i": index}


def _items(encoder: Encoding, value: Iterable[Any], path: str) -> list[Node]:
    return [encoder.node(item, f"{path}[{index}]") for index, item in enumerate(value)]


def _tuple(encoder: Encoding, value: tuple[Any, ...], path: str) -> Node:
    items = _items(encoder, value, path)
    node = {"$": "tuple", "items": items}
    return encoder.begin(value, node) if any(isinstance(item, dict | list) for item in items) else node


def _set(encoder: Encoding, value: set[Any], path: str) -> Node:
    node = encoder.begin(value, {"$": "set"})
    return _with(node, items=[encoder.node(item, f"{path}{{...}}") for item in value])


def _frozenset(encoder: Encoding, value: frozenset[Any], path: str) -> Node:
    return {"$": "frozenset", "items": [encoder.node(item, f"{path}{{...}}") for item in value]}


def _deque(encoder: Encoding, value: deque[Any], path: str) -> Node:
    node = encoder.begin(value, {"$": "deque", "maxlen": value.maxlen})
    return _with(node, items=_items(encoder, value, path))


def _dict(encoder: Encoding, value: dict[Any, Any], path: str) -> Node:
    if not all(type(key) is str and not key.startswith("$") and key.isascii() for key in value):
        return _mapping(encoder, value, path)
    node: dict[str, Node] = encoder.begin(value, {})
    for key, item in value.items():
        node[key] = encoder.node(item, f"{path}[{key!r}]")
    return node


def _mapping(encoder: Encoding, value: dict[Any, Any], path: str) -> Node:
    node: dict[str, Node] = encoder.begin(value, {"$": "dict", "of": type(value).__name__})
    if isinstance(value, defaultdict):
        node["factory"] = _factory(value.default_factory)
    return _with(node, items=pairs(encoder, value, path))


def _factory(factory: Any) -> str | None:
    """Its name if it is one of Python's own; "" for one of the script, which must be there when it is put back."""
    if factory is None:
        return None
    name = getattr(factory, "__name__", "")
    return name if FACTORIES.get(name) is factory else ""


def pairs(encoder: Encoding, value: dict[Any, Any], path: str) -> list[Node]:
    """The items of a dictionary as pairs of nodes."""
    return [
        [encoder.node(key, f"{path}.keys()"), encoder.node(item, f"{path}[{key!r:.40}]")]
        for key, item in dict.items(value)
    ]


def _bytes(encoder: Encoding, value: bytes | bytearray, _path: str) -> Node:
    node = {"$": type(value).__name__}
    if type(value) is bytearray:
        encoder.begin(value, node)
    if len(value) < _MANY:
        return _with(node, v=base64.b64encode(value).decode())
    kept = bytes(value)
    return _with(node, i=encoder.leaf(Leaf("U8", (len(kept),), lambda: memoryview(kept))))


def _array(encoder: Encoding, value: Any, _path: str) -> Node:
    kept = value.tobytes()
    leaf = Leaf("U8", (len(kept),), lambda: memoryview(kept))
    return encoder.begin(value, {"$": "numbers", "code": value.typecode, "i": encoder.leaf(leaf)})


def _with(node: dict[str, Node], **more: Node) -> dict[str, Node]:
    node.update(more)
    return node


_ENCODERS: Final[dict[type, Callable[[Encoding, Any, str], Node]]] = {
    list: _list,
    tuple: _tuple,
    set: _set,
    frozenset: _frozenset,
    deque: _deque,
    dict: _dict,
    OrderedDict: _mapping,
    defaultdict: _mapping,
    Counter: _mapping,
    bytes: _bytes,
    bytearray: _bytes,
    array: _array,
}
