"""Between nodes of the live document and Python values.

NumPy is used where the program has imported it, never imported.
"""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from livespark.protocol import codec, paths
from livespark.protocol.live import LiveDoc

__all__ = ("children", "decode", "encode", "is_container", "snapshot", "value_at")


def encode(value: Any) -> Any:
    """A Python value as a node. Arrays and tensors (whatever has `tolist`) become numbers or nested lists."""
    return codec.to_node(_plain(value))


def decode(node: Any) -> Any:
    """The Python value of a nested node. What has no Python value here (a module, a cut place) stays a mapping."""
    if isinstance(node, list):
        return [decode(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$" not in node:
        return {key[1:] if key.startswith("$$") else key: decode(item) for key, item in node.items()}
    return _array(node) if node["$"] == "array" and "data" in node else codec.from_node(node)


def is_container(node: Any) -> bool:
    """Whether the items of this node have entries of their own in the live document."""
    return isinstance(node, dict) and node.get("$") in ("dict", "list", "object")


def children(doc: LiveDoc, path: str) -> list[str]:
    """The names right below `path` ("": the bindings themselves), functions included, in display order."""
    depth = len(paths.split(path)) if path else 0
    known = (paths.split(name) for name in (*doc.values, *doc.functions) if not path or name.startswith(f"{path}."))
    return list(dict.fromkeys(segments[depth] for segments in known))


def value_at(doc: LiveDoc, path: str) -> Any:
    """The value at `path`, containers as nested dicts and lists. Raises KeyError."""
    if path not in doc.values:
        raise KeyError(f"nothing is exposed as {path!r}")
    below = (name for name in doc.values if name.startswith(f"{path}."))
    return _nested(doc, path, below)


def snapshot(doc: LiveDoc) -> dict[str, Any]:
    """All exposed values by the names of their bindings."""
    return {name: value_at(doc, paths.join([name])) for name in children(doc, "") if paths.join([name]) in doc.values}


def _nested(doc: LiveDoc, root: str, below: Iterable[str]) -> Any:
    built = {root: _start(doc.values[root])}
    for path in below:
        *above, key = paths.split(path)
        parent = built.get(paths.join(above))
        value = built[path] = _start(doc.values[path])
        if isinstance(parent, list):
            parent.append(value)
        elif isinstance(parent, dict):
            parent[key] = value
    return built[root]


def _start(node: Any) -> Any:
    if is_container(node):
        return [] if node["$"] == "list" else {}
    return decode(node)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _array(node: dict[str, Any]) -> Any:
    data = _numbers(node["data"])
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return data
    try:
        return numpy.array(data, dtype=node.get("dtype")).reshape(node["shape"])
    except (TypeError, ValueError, OverflowError):
        return numpy.array(data).reshape(node["shape"])


def _numbers(data: Any) -> Any:
    return [_numbers(item) for item in data] if isinstance(data, list) else codec.from_number(data)
