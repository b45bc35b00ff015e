"""Python's own containers out of nodes: the living container is filled where there is one of the same type."""

import base64
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from operator import is_
from typing import Any, Final

from livespark.runtime.snapshots.containers import FACTORIES
from livespark.runtime.snapshots.nodes import MISSING, Node, Putting, Unfit, find, joined, name_of

__all__ = ("KINDS", "fill_mapping", "put_dict", "put_list")

_DICTS: Final[dict[str, type[dict[Any, Any]]]] = {
    "dict": dict,
    "OrderedDict": OrderedDict,
    "defaultdict": defaultdict,
    "Counter": Counter,
}
_PACKED: Final = {"F64": "d", "I64": "q"}


def put_list(putting: Putting, node: Node, living: Any, path: str) -> Any:
    """`node`: the JSON array, or what is tagged "list"."""
    target: list[Any] = putting.begin(node, living if putting.is_free(living, list) else [])
    if isinstance(node, dict) and "i" in node:
        entry, data = putting.array(node["i"])
        items: list[Any] = array(_PACKED[entry.dtype], bytes(data)).tolist()
    else:
        items = _parts(putting, node["items"] if isinstance(node, dict) else node, target, path)
    if not _same(target, items):
        target[:] = items
    return target


def _parts(putting: Putting, nodes: Any, living: Iterable[Any], path: str) -> list[Any]:
    found = list(living)
    found += [MISSING] * (len(nodes) - len(found))
    return [
        putting.fill(node, part, joined(path, index))
        for index, (node, part) in enumerate(zip(nodes, found, strict=False))
    ]


def _same(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(map(is_, one, other))


def put_dict(putting: Putting, node: dict[str, Node], living: Any, path: str) -> Any:
    """A plain dictionary: a JSON object without "$"."""
    target: dict[Any, Any] = putting.begin(node, living if putting.is_free(living, dict) else {})
    fill_mapping(putting, list(node.items()), target, path)
    return target


def fill_mapping(putting: Putting, nodes: list[Any], target: dict[Any, Any], path: str) -> None:
    """The dictionary holds these items, in this order, then those that only new code has."""
    kind = OrderedDict if isinstance(target, OrderedDict) else dict
    living = dict(kind.items(target))
    keys = list(living)
    filled: dict[Any, Any] = {}
    met: set[Any] = set()
    for index, (key_node, item_node) in enumerate(nodes):
        key = putting.fill(key_node, keys[index] if index < len(keys) else MISSING, "")
        met.add(key)
        item = putting.item(
            item_node, living.get(key, MISSING), joined(path, key if type(key) is str else f"[{key!r:.40}]")
        )
        if item is not MISSING:
            filled[key] = item
    for key, item in living.items():
        if key not in met and type(key) is str and putting.is_kept(joined(path, key)):
            filled[key] = item
    kind.clear(target)
    for key, item in filled.items():
        kind.__setitem__(target, key, item)


def _mapping(putting: Putting, node: Node, living: Any, path: str) -> Any:
    kind = _DICTS[node.get("of", "dict")]
    target = putting.begin(node, living if putting.is_free(living, kind) else _new_dict(kind, node, path))
    if kind is defaultdict and node.get("factory") in FACTORIES:
        target.default_factory = FACTORIES[node["factory"]]
    fill_mapping(putting, node["items"], target, path)
    return target


def _new_dict(kind: type[dict[Any, Any]], node: Node, path: str) -> Any:
    if kind is not defaultdict:
        return kind()
    factory = node.get("factory")
    if factory == "":
        raise Unfit(f"{path} is a defaultdict, and only the script has the function that makes its values")
    return defaultdict(FACTORIES[factory] if factory else None)


def _tuple(putting: Putting, node: Node, living: Any, path: str) -> Any:
    parts = _parts(putting, node["items"], living if type(living) is tuple else (), path)
    return putting.begin(node, living if type(living) is tuple and _same(living, parts) else tuple(parts))


def _namedtuple(putting: Putting, node: Node, living: Any, path: str) -> Any:
    fits = isinstance(living, tuple) and name_of(type(living)) == node["type"]
    kind = type(living) if fits else find(node["type"])
    if not isinstance(kind, type) or kind.__bases__ != (tuple,) or not hasattr(kind, "_fields"):
        raise Unfit(f"{path or 'a value'} is a {node['type']} in the snapshot, which the script does not have")
    if len(node["items"]) != len(kind._fields):
        raise Unfit(f"{path} has {len(node['items'])} fields in the snapshot and {len(kind._fields)} in the script")
    parts = _parts(putting, node["items"], living if fits else (), path)
    return putting.begin(node, living if fits and _same(living, parts) else tuple.__new__(kind, parts))


def _set(putting: Putting, node: Node, living: Any, path: str) -> Any:
    target: set[Any] = putting.begin(node, living if putting.is_free(living, set) else set())
    items = [putting.fill(item, MISSING, path) for item in node["items"]]
    if not _same(tuple(target), items):
        target.clear()
        target.update(items)
    return target


def _frozenset(putting: Putting, node: Node, _living: Any, path: str) -> Any:
    return frozenset(putting.fill(item, MISSING, path) for item in node["items"])


def _deque(putting: Putting, node: Node, living: Any, path: str) -> Any:
    fits = putting.is_free(living, deque) and living.maxlen == node["maxlen"]
    target: deque[Any] = putting.begin(node, living if fits else deque(maxlen=node["maxlen"]))
    items = _parts(putting, node["items"], target, path)
    if not _same(target, items):
        target.clear()
        target.extend(items)
    return target


def _data(putting: Putting, node: Node) -> bytes:
    return bytes(putting.array(node["i"])[1]) if "i" in node else base64.b64decode(node["v"], validate=True)


def _bytearray(putting: Putting, node: Node, living: Any, _path: str) -> Any:
    target: bytearray = putting.begin(node, living if putting.is_free(living, bytearray) else bytearray())
    target[:] = _data(putting, node)
    return target


def _numbers(putting: Putting, node: Node, living: Any, _path: str) -> Any:
    fits = putting.is_free(living, array) and living.typecode == node["code"]
    target: array[Any] = putting.begin(node, living if fits else array(node["code"]))
    del target[:]
    target.frombytes(_data(putting, node))
    return target


KINDS: Final[dict[str, Callable[[Putting, Node, Any, str], Any]]] = {
    "list": put_list,
    "dict": _mapping,
    "tuple": _tuple,
    "namedtuple": _namedtuple,
    "set": _set,
    "frozenset": _frozenset,
    "deque": _deque,
    "bytes": lambda putting, node, _living, _path: _data(putting, node),
    "bytearray": _bytearray,
    "numbers": _numbers,
}
"""How a tagged node is put into a living value, by its kind."""
