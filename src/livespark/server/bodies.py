"""Bodies and query strings: bounded, decoded, checked."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive

from livespark.service.refusals import Refused

__all__ = ("ClientGone", "decode_body", "decode_query", "read_body", "too_large")

_DEEPEST: Final = 64
_PATIENCE: Final = 60.0
_MOST_PARAMETERS: Final = 32
_T = TypeVar("_T")


class ClientGone(Exception):
    """Nobody is there any more to answer."""


async def read_body(receive: Receive, headers: Mapping[str, str], limit: int, advice: str = "") -> bytes:
    """The body, at most `limit` bytes of it, whatever its announced length; `advice` is given where it is larger.

    Raises Refused, ClientGone.
    """
    declared = headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limit:
        raise too_large(limit, advice)
    try:
        async with asyncio.timeout(_PATIENCE):
            body = await _gather(receive, limit, advice)
    except TimeoutError:
        raise Refused("malformed", f"the body did not arrive within {_PATIENCE:g} seconds") from None
    if body and headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused("unsupported-media-type", "the body must be JSON, with `Content-Type: application/json`")
    return body


def decode_body(body: bytes, kind: Any, *, deepest: int | None = _DEEPEST) -> Any:
    """The message in `body`. Raises Refused, naming the field that is wrong."""
    if not body:
        raise Refused("malformed", "a JSON body is needed")
    try:
        message = msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Refused("invalid", _sentence(error, "the body")) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("malformed", f"the body is not JSON: {error}") from None
    if deepest is not None and _is_deeper(message, deepest):
        raise Refused("invalid", f"the body is nested more than {deepest} levels deep")
    return message


def decode_query(query: bytes, kind: type[_T]) -> _T:
    """The query parameters. Raises Refused, naming the one that is wrong."""
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS, errors="strict"
        )
    except ValueError as error:
        raise Refused("malformed", f"the query string can't be read: {error}") from None
    if len(pairs) != len(values := dict(pairs)):
        raise Refused("invalid", "a query parameter is given twice")
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Refused("invalid", _sentence(error, "the query")) from None


def too_large(limit: int, advice: str = "") -> Refused:
    """The refusal of a body of more than `limit` bytes."""
    return Refused("too-large", f"the body is larger than {limit} bytes{f'; {advice}' if advice else ''}")


async def _gather(receive: Receive, limit: int, advice: str) -> bytes:
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        more = message.get("more_body", False)
        if size > limit:
            raise too_large(limit, advice)
    return b"".join(pieces)


def _sentence(error: msgspec.ValidationError, where: str) -> str:
    """msgspec says "Expected `int`, got `str` - at `$.limit`"."""
    what, _, place = str(error).partition(" - at `$.")
    return f"in {where}, `{place[:-1]}` is wrong: {what}" if place else f"{where} is wrong: {what}"


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether `value` nests deeper than `levels`; looked at level by level, without recursion."""
    level = [value]
    for _ in range(levels):
        level = [child for item in level for child in _children(item)]
        if not level:
            return False
    return True


def _children(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, list):
        return value
    if isinstance(value, msgspec.Struct):
        return [getattr(value, name) for name in value.__struct_fields__]
    return ()
