"""What an initializer has made, as far as it is plain: numbers and texts by path. Compared when a run forks.

A path is `param_groups.0.lr`, `encoder.dropout`. Lists of plain items count as one. What has a private name is not
configuration, and is left out. An item of a dictionary that is not plain is noted as `{"$": type}`, so that new ones
are known.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final

from livespark.runtime.snapshots import numeric, simple, stateful
from livespark.runtime.snapshots.nodes import MISSING, joined
from livespark.runtime.snapshots.objects import attributes_of

__all__ = ("CUT", "plain_values", "same")

CUT: Final = "$"
"""A path that stands for all that was left out."""
_MOST: Final = 1_000
_SECONDS: Final = 0.02
_LONGEST: Final = 32
_TEXT: Final = 1_000
_DEEPEST: Final = 8


def plain_values(
    value: Any, most: int = _MOST, seconds: float = _SECONDS, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Any]:
    """The plain numbers, texts and short lists in `value` by path; `most` of them, and only as long as `seconds` allow.

    Where it had to stop, `CUT` is among the paths: nothing is known of what is not there. Nothing is raised.
    """
    end = clock() + seconds
    found: dict[str, Any] = {}
    try:
        for path, part in _walk(value, "", 0, set()):
            found[path] = part
            if len(found) >= most or clock() > end:
                found[CUT] = True
                break
    except Exception:  # the value's own methods may raise anything
        found[CUT] = True
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two plain values are the same: 1, 1.0 and True are three."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _plain(value: Any) -> Any:
    """As it is noted; MISSING for what is not plain."""
    if simple.is_scalar(value):
        return value if not isinstance(value, str) or len(value) <= _TEXT else MISSING
    if type(value) in (list, tuple) and len(value) <= _LONGEST and all(map(simple.is_scalar, value)):
        return list(value)
    return MISSING


def _walk(value: Any, path: str, depth: int, met: set[int]) -> Iterator[tuple[str, Any]]:
    if (plain := _plain(value)) is not MISSING:
        yield path, plain
        return
    if depth > _DEEPEST or id(value) in met:
        return
    met.add(id(value))
    for name, part in _parts(value):
        if type(value) is dict and _plain(part) is MISSING:
            yield joined(path, name), {"$": type(part).__name__}
        yield from _walk(part, joined(path, name), depth + 1, met)


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    return ((name, part) for name, part in _all_parts(value) if not str(name).rpartition(".")[2].startswith("_"))


def _all_parts(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        return ((key, part) for key, part in dict.items(value) if type(key) is str)
    if numeric.is_numeric(value):
        return iter(())
    if isinstance(value, list | tuple):
        return islice(enumerate(value), _LONGEST)
    if "torch" in sys.modules:
        from livespark.runtime.snapshots import torch_values  # noqa: PLC0415 - the seam: the script has loaded torch

        if (parts := torch_values.plain_parts(value)) is not None:
            return parts
    if stateful.has_state(value):
        state = value.state_dict()
        return iter(state.items()) if isinstance(state, dict) else iter(())
    return iter(() if isinstance(value, type | Iterable) else attributes_of(value).items())
