"""A snapshot's manifest as people read it: rows in place of trees. Pure.

A tree comes from a file, so nothing in it is believed: it is walked without recursion, within bounds, and what makes no
sense is shown as it stands. `runtime/snapshots` says what nodes there are. Here it is enough that a tagged one refers
to an array by `i`, holds items, pairs of items, attributes or further nodes, or is a value itself.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final

from livespark.protocol.snapshots import ArrayEntry, Manifest, SavedValue, SnapshotDetail

__all__ = ("detail_of",)

_MOST_ROWS: Final = 10_000
"""Of arrays, and of plain values, in each persisted value."""

_MOST_NODES: Final = 200_000
_LONGEST: Final = 1_000
_LONGEST_PATH: Final = 500
_NOT_DATA: Final = frozenset({"ref", "pickle"})


def detail_of(manifest: Manifest) -> SnapshotDetail:
    """Where there are too many rows, a value's first ones."""
    rows = {key: _Rows(saved, manifest.arrays) for key, saved in manifest.values.items()}
    return SnapshotDetail(
        info=manifest.info,
        types={key: saved.type for key, saved in manifest.values.items()},
        arrays={key: each.arrays for key, each in rows.items()},
        plain={key: each.plain for key, each in rows.items()},
        exposed=manifest.exposed,
        config=manifest.config,
        code=manifest.code,
        packages=manifest.packages,
        python=manifest.python,
    )


class _Rows:
    """What one persisted value holds, in the order in which it is met."""

    def __init__(self, saved: SavedValue, entries: list[ArrayEntry]) -> None:
        self.arrays: list[tuple[str, str, list[int], int]] = []
        self.plain: list[tuple[str, Any]] = []
        self._entries = entries
        waiting: list[Iterator[tuple[str, Any]]] = [iter([("", saved.tree)])]
        left = _MOST_NODES
        while waiting and left:
            if (met := next(waiting[-1], None)) is None:
                waiting.pop()
            elif parts := self._take(*met):
                waiting.append(parts)
            left -= 1

    def _take(self, path: str, node: Any) -> Iterator[tuple[str, Any]] | None:
        """Note what `node` itself says; -> its parts."""
        if isinstance(node, list):
            return ((f"{path}[{index}]", part) for index, part in enumerate(node))
        if isinstance(node, dict) and "$" not in node:
            return ((_joined(path, name), part) for name, part in node.items())
        if isinstance(node, dict):
            return self._take_tagged(path, node)
        self._note(path, node)
        return None

    def _take_tagged(self, path: str, node: dict[str, Any]) -> Iterator[tuple[str, Any]] | None:
        index = node.get("i")
        held = {name: part for name, part in node.items() if isinstance(part, dict | list)}
        if str(node["$"]) in _NOT_DATA:
            return None
        if type(index) is int and 0 <= index < len(self._entries):
            self._note_array(path, self._entries[index])
        elif not held:
            self._note(path, _value(node))
        return _parts(path, node["$"], held)

    def _note(self, path: str, value: Any) -> None:
        if len(self.plain) < _MOST_ROWS:
            shown = f"{value[:_LONGEST]}..." if isinstance(value, str) and len(value) > _LONGEST else value
            self.plain.append((path[:_LONGEST_PATH], shown))

    def _note_array(self, path: str, entry: ArrayEntry) -> None:
        if len(self.arrays) < _MOST_ROWS:
            self.arrays.append((path[:_LONGEST_PATH], entry.dtype, entry.shape, entry.end - entry.start))


def _parts(path: str, kind: Any, held: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The nodes inside a tagged one. Only items and attributes have names that people know."""
    for name, part in held.items():
        if name == "items" and kind == "dict" and isinstance(part, list):
            yield from (_pair(path, index, pair) for index, pair in enumerate(part))
        elif name == "attributes" or not isinstance(part, list):
            yield path, part
        else:
            yield from ((f"{path}[{index}]", item) for index, item in enumerate(part))


def _pair(path: str, index: int, pair: Any) -> tuple[str, Any]:
    if isinstance(pair, list) and len(pair) == 2:
        key = pair[0] if isinstance(pair[0], str | int) else index
        return f"{path}[{key!r}]"[:_LONGEST_PATH], pair[1]
    return f"{path}[{index}]", pair


def _joined(path: str, name: str) -> str:
    """Attributes of the outermost submodule are below an empty name."""
    return (f"{path}.{name}" if path and name else path or name)[:_LONGEST_PATH]


def _value(node: dict[str, Any]) -> Any:
    """A tagged scalar: what JSON can't hold comes as elsewhere on the wire, the rest as it stands."""
    match node:
        case {"$": "float", "v": str(digits)} if len(digits) == 16:
            return {"$": "float", "v": _float(digits)}
        case {"$": "int", "v": str(digits)} if len(digits) <= _LONGEST:
            return {"$": "int", "v": _int(digits)}
        case _:
            return {name: part[:_LONGEST] if isinstance(part, str) else part for name, part in node.items()}


def _float(digits: str) -> str:
    """Big-endian IEEE 754 in hex."""
    try:
        return str(struct.unpack(">d", bytes.fromhex(digits))[0])
    except ValueError:
        return digits


def _int(digits: str) -> str:
    try:
        return str(int(digits, 16))
    except ValueError:
        return digits
