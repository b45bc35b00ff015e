"""Persisted values that are to be made anew: what goes with them, and what would be left with parts of them."""

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, Final

from livespark.runtime.reload import contents
from livespark.runtime.reload.undo import Refusal

__all__ = ("check_clear", "leaving", "within")

_PLAIN: Final = frozenset({int, float, str, bool, type(None), bytes, complex, type, range, slice})
_CODE: Final = (type, ModuleType, FunctionType, BuiltinFunctionType, CodeType)


def check_clear(keys: Collection[str], values: Mapping[str, Any]) -> None:
    """Raises Refusal where a value that stays holds one of those that go, or learns what is in them (an optimizer):
    it would go on with what nothing else uses any more."""
    if not keys:
        return
    gone, stay = _divided(keys, values)
    lost = {id(value) for value in gone.values() if contents.is_object(value)}
    lost |= _parameters(gone.values()) - _parameters(stay.values())
    left = [key for key, value in stay.items() if any(id(part) in lost for part in within([value]))]
    if left:
        options = " ".join(f"--clear {key}" for key in [*sorted(gone), *left])
        names = " and ".join(map(repr, sorted(gone)))
        raise Refusal(
            f"the persisted value {left[0]!r} holds what is in {names} now. "
            f"Have them made anew together: livespark reload {options}"
        )


def leaving(keys: Collection[str], values: Mapping[str, Any]) -> frozenset[int]:
    """By `id`: what is in the values of these keys, and in no other."""
    if not keys:
        return frozenset()
    gone, stay = _divided(keys, values)
    return frozenset(map(id, within(gone.values()))) - frozenset(map(id, within(stay.values())))


def within(values: Iterable[Any]) -> Iterator[Any]:
    """The values and what they are made of, each once."""
    seen: dict[int, Any] = {}
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if type(value) in _PLAIN or isinstance(value, _CODE) or id(value) in seen:
            continue
        seen[id(value)] = value
        yield value
        waiting += [part for _, part in contents.parts(value)]


def _divided(keys: Iterable[str], values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    chosen = frozenset(keys)
    gone = {key: value for key, value in values.items() if key in chosen}
    return gone, {key: value for key, value in values.items() if key not in chosen}


def _parameters(values: Iterable[Any]) -> set[int]:
    """By `id`: the parameters of the modules in the values."""
    torch = sys.modules.get("torch.nn")
    modules = [part for part in within(values) if torch and isinstance(part, torch.Module)]
    return {id(parameter) for module in modules for parameter in module.parameters(recurse=False)}
