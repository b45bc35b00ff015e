"""JSON for messages and for values, such that NaN, infinities and large integers survive.

msgspec would write NaN as null without a word, and JavaScript rounds integers beyond 2**53. So floats that are not
finite and large integers are tagged (in nodes, see `live`) or strings (in metric columns, see `events.Number`)
before msgspec sees them.
"""

import base64
import math
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from livespark.protocol.events import Number

__all__ = ("EXACT", "Malformed", "decode", "encode", "from_node", "from_number", "to_node", "to_number")

EXACT: Final = 2**53
"""The largest magnitude up to which every integer is exact in JavaScript."""

_T = TypeVar("_T")
_encoder = msgspec.json.Encoder()
_NOT_FINITE: Final = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class Malformed(ValueError):
    """The bytes are not the JSON that was expected; the text says where and why."""


def encode(message: Any) -> bytes:
    """JSON of a message of the protocol. Values inside it are nodes already."""
    return _encoder.encode(message)


def decode(data: bytes | str, kind: type[_T] | Any) -> _T:
    """The message in `data`, checked against `kind`. Raises Malformed."""
    try:
        result: _T = msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(str(error) or "the JSON is nested too deeply") from None
    return result


def to_number(value: int | float) -> Number:
    """A metric value for the wire."""
    if isinstance(value, int):
        return value if -EXACT <= value <= EXACT else str(value)
    return value if math.isfinite(value) else _name(value)


def from_number(number: Number) -> int | float:
    """The metric value back. Raises ValueError for a string that is none."""
    if not isinstance(number, str):
        return number
    return _NOT_FINITE[number] if number in _NOT_FINITE else int(number)


def to_node(value: Any) -> Any:
    """A plain Python value (scalars, bytes, dicts, lists, tuples, sets; anything else as its repr) as a node."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value) if -EXACT <= value <= EXACT else {"$": "int", "v": str(int(value))}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$": "float", "v": _name(value)}
    if isinstance(value, bytes | bytearray):
        return {"$": "bytes", "n": len(value), "v": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {_guard(str(key)): to_node(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_node(item) for item in value]
    return {"$": "text", "type": type(value).__name__, "v": repr(value)[:1000]}


def from_node(node: Any) -> Any:
    """The Python value of a node. Nodes that stand for something richer (arrays, modules) stay as they are."""
    if isinstance(node, list):
        return [from_node(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$" not in node:
        return {_unguard(key): from_node(item) for key, item in node.items()}
    return _tagged(node)


def _tagged(node: dict[str, Any]) -> Any:
    kind, value = node["$"], node.get("v")
    if kind == "float" and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if kind == "int" and isinstance(value, str):
        return int(value)
    if kind == "bytes" and isinstance(value, str):
        return base64.b64decode(value)
    return node


def _name(value: float) -> str:
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def _guard(key: str) -> str:
    return f"${key}" if key.startswith("$") else key


def _unguard(key: str) -> str:
    return key[1:] if key.startswith("$$") else key
