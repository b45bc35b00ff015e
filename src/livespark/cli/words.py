"""Words of the command line as values. No I/O."""

import json
import math
import re
from collections.abc import Iterable
from typing import Any, Final

from livespark.errors import UsageError

__all__ = ("Arguments", "arguments", "is_pair", "pairs", "value")

_SPECIAL: Final = {"nan": math.nan, "inf": math.inf, "+inf": math.inf, "-inf": -math.inf}
_KEYWORD: Final = re.compile(r"[A-Za-z_]\w*=")

Arguments = tuple[list[Any], dict[str, Any]]


def value(text: str) -> Any:
    """JSON where it is JSON, `nan` and `inf` as numbers, else the text itself: `3e-4`, `[1]`, `adam`, `"3"`."""
    if text.lower() in _SPECIAL:
        return _SPECIAL[text.lower()]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def is_pair(word: str) -> bool:
    """Whether a word is `path=value`."""
    return word.find("=") > 0


def pairs(words: Iterable[str]) -> dict[str, Any]:
    """`path=value` words as a mapping. Raises UsageError."""
    found: dict[str, Any] = {}
    for word in words:
        if not is_pair(word):
            raise UsageError(f"{word!r} is no assignment; expected name=value")
        name, _, text = word.partition("=")
        found[name] = value(text)
    return found


def arguments(words: Iterable[str]) -> Arguments:
    """A call's arguments: `name=value` words by name, the others by position."""
    listed = list(words)
    named = [word for word in listed if _KEYWORD.match(word)]
    return [value(word) for word in listed if not _KEYWORD.match(word)], pairs(named)
