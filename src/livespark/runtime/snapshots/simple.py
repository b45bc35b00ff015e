"""Values that never change, as nodes: scalars, and what Python's own libraries have of that kind. Exact both ways."""

import base64
import math
import struct
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path, PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Any, Final
from uuid import UUID

from livespark.runtime.snapshots.nodes import MISSING, Node, Unfit, find, name_of

__all__ = ("MAKERS", "SCALARS", "encode", "is_data", "is_scalar", "make_enum", "scalar")

SCALARS: Final = frozenset({bool, float, int, str, type(None)})
_LARGEST: Final = 2**63
_PATHS: Final[dict[str, type[PurePath]]] = {
    each.__name__: each for each in (Path, PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath)
}
_CONSTANTS: Final[dict[str, Any]] = {"Ellipsis": ..., "NotImplemented": NotImplemented}
_MAX_DIGITS: Final = 20_000
"""Of an integer, in base 16."""


def is_scalar(value: Any) -> bool:
    """Whether JSON holds the value as it is."""
    kind = type(value)
    if kind is float:
        return math.isfinite(value)
    return kind in SCALARS and (kind is not int or -_LARGEST <= value < _LARGEST)


def is_data(value: Any) -> bool:
    """Whether the value is of these types."""
    return type(value) in SCALARS or encode(None, value) is not MISSING


def encode(_encoder: object, value: Any, _path: str = "") -> Node:
    """MISSING for what is not of these types. Scalars have `scalar`."""
    kind = type(value)
    if encoder := _ENCODERS.get(kind):
        return encoder(value)
    if isinstance(value, Enum):
        return _enum(value)
    if isinstance(value, PurePath) and kind is _PATHS.get(kind.__name__):
        return {"$": "path", "of": kind.__name__, "v": _text(str(value))}
    return MISSING


def scalar(kind: type, value: Any) -> Node:
    """The node of a value whose type is one of `SCALARS`."""
    if kind is float and not math.isfinite(value):
        return {"$": "float", "v": struct.pack(">d", value).hex()}
    if kind is int and not -_LARGEST <= value < _LARGEST:
        return {"$": "int", "v": hex(value)}
    return _text(value) if kind is str else value


def _text(value: str) -> Node:
    """UTF-8 can't hold half a surrogate pair, which Python's texts may have."""
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return {"$": "str", "v": base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()}
    return value


def _enum(value: Enum) -> Node:
    if not isinstance(value.name, str) or value.name not in type(value).__members__:
        return MISSING
    return {"$": "enum", "type": name_of(type(value)), "name": value.name}


def _datetime(value: datetime | time) -> Node:
    if value.tzinfo is not None and type(value.tzinfo) is not timezone:
        return MISSING
    return {"$": type(value).__name__, "v": value.isoformat(), "fold": value.fold}


def _slice(value: slice) -> Node:
    parts = [value.start, value.stop, value.step]
    return {"$": "slice", "v": parts} if all(map(is_scalar, parts)) else MISSING


_ENCODERS: Final[dict[type, Callable[[Any], Node]]] = {
    complex: lambda value: {"$": "complex", "v": struct.pack(">dd", value.real, value.imag).hex()},
    range: lambda value: {"$": "range", "v": [scalar(int, part) for part in (value.start, value.stop, value.step)]},
    slice: _slice,
    datetime: _datetime,
    time: _datetime,
    date: lambda value: {"$": "date", "v": value.isoformat()},
    timedelta: lambda value: {"$": "timedelta", "v": [value.days, value.seconds, value.microseconds]},
    Decimal: lambda value: {"$": "decimal", "v": str(value)},
    Fraction: lambda value: {"$": "fraction", "v": [scalar(int, value.numerator), scalar(int, value.denominator)]},
    UUID: lambda value: {"$": "uuid", "v": str(value)},
    type(...): lambda _value: {"$": "constant", "v": "Ellipsis"},
    type(NotImplemented): lambda _value: {"$": "constant", "v": "NotImplemented"},
}


def _make_int(node: Node) -> int:
    if len(node["v"]) > _MAX_DIGITS:
        raise Unfit("an integer in the snapshot has too many digits")
    return int(node["v"], 16)


def _whole(node: Node) -> int:
    return node if type(node) is int else _make_int(node)


def _make_str(node: Node) -> str:
    return (
        node if isinstance(node, str) else base64.b64decode(node["v"], validate=True).decode("utf-8", "surrogatepass")
    )


def _make_slice(node: Node) -> slice:
    start, stop, step = node["v"]
    return slice(start, stop, step)


def make_enum(node: Node, living: Any) -> Enum:
    """The member of that name: of the living value's class, or of one that is loaded. Raises Unfit if there is none."""
    kind = type(living) if name_of(type(living)) == node["type"] else find(node["type"])
    member = vars(kind).get("_member_map_", {}).get(node["name"]) if isinstance(kind, type) else None
    if not isinstance(kind, type) or not issubclass(kind, Enum) or not isinstance(member, kind):
        raise Unfit(f"{node['type']}.{node['name']} is in the snapshot and not in the script")
    return member


MAKERS: Final[dict[str, Callable[[Any], Any]]] = {
    "float": lambda node: struct.unpack(">d", bytes.fromhex(node["v"]))[0],
    "int": _make_int,
    "str": _make_str,
    "complex": lambda node: complex(*struct.unpack(">dd", bytes.fromhex(node["v"]))),
    "range": lambda node: range(*map(_whole, node["v"])),
    "slice": _make_slice,
    "datetime": lambda node: datetime.fromisoformat(node["v"]).replace(fold=node["fold"]),
    "time": lambda node: time.fromisoformat(node["v"]).replace(fold=node["fold"]),
    "date": lambda node: date.fromisoformat(node["v"]),
    "timedelta": lambda node: timedelta(*node["v"]),
    "decimal": lambda node: Decimal(node["v"]),
    "fraction": lambda node: Fraction(*map(_whole, node["v"])),
    "uuid": lambda node: UUID(node["v"]),
    "path": lambda node: _PATHS[node["of"]](_make_str(node["v"])),
    "constant": lambda node: _CONSTANTS[node["v"]],
}
"""How the value of a tagged node is made, by its kind."""
