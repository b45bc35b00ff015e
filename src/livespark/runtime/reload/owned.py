"""Random generators that objects of the script hold in their attributes: a sampler's, a dataset's, a transform's.

They are found again in another process by the path of attributes that leads to them. The search is bounded: it enters
a few objects deep and no large collection.
"""

import sys
from collections.abc import Callable, Iterator
from random import Random, SystemRandom
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final, TypeAlias

__all__ = ("States", "generators_of", "generators_of_sampler", "put_states", "states_of")

States: TypeAlias = dict[str, Any]
"""Of generators by path, plain data."""

_DEEP: Final = 3
_MANY: Final = 64
_CLOSED: Final = (str, bytes, int, float, complex, type, ModuleType, FunctionType, MethodType, BuiltinFunctionType)


def generators_of_sampler(sampler: Any) -> dict[str, Any]:
    """A sampler's own generators, and those of the samplers in it, by path."""
    return dict(_found(sampler, "", _DEEP, _is_sampler, set()))


def generators_of(dataset: Any, collate: Any) -> dict[str, Any]:
    """The generators in a dataset, a collate function, and the objects and short collections in them, by path."""
    parts = {"dataset": dataset, "collate": getattr(collate, "__self__", collate)}
    return dict(_found(parts, "", _DEEP + 1, _is_open, set()))


def states_of(generators: dict[str, Any]) -> States:
    """How they stand."""
    return {path: _state(generator) for path, generator in generators.items()}


def put_states(generators: dict[str, Any], states: States) -> None:
    """Those of the same path and kind go on like this."""
    for path in generators.keys() & states.keys():
        _put(generators[path], states[path])


def _found(
    value: Any, path: str, deep: int, enters: Callable[[Any], bool], seen: set[int]
) -> Iterator[tuple[str, Any]]:
    for name, part in _parts(value):
        if id(part) in seen:
            continue
        if _is_generator(part):
            seen.add(id(part))
            yield path + name, part
        elif deep > 1 and enters(part):
            seen.add(id(part))
            yield from _found(part, f"{path}{name}.", deep - 1, enters, seen)


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(str(key), part) for key, part in value.items()] if len(value) <= _MANY else []
    if isinstance(value, (list, tuple)):
        return [(str(index), part) for index, part in enumerate(value)] if len(value) <= _MANY else []
    return [(str(name), part) for name, part in getattr(value, "__dict__", {}).items()]


def _is_sampler(value: Any) -> bool:
    torch = sys.modules["torch"]
    return isinstance(value, torch.utils.data.Sampler)


def _is_open(value: Any) -> bool:
    torch = sys.modules["torch"]
    if isinstance(value, (*_CLOSED, torch.Tensor)):
        return False
    return isinstance(value, (dict, list, tuple)) or hasattr(value, "__dict__")


def _is_generator(value: Any) -> bool:
    if isinstance(value, Random):
        return not isinstance(value, SystemRandom)
    return _is_numpy(value) or isinstance(value, sys.modules["torch"].Generator)


def _is_numpy(value: Any) -> bool:
    numpy = sys.modules.get("numpy.random")
    return numpy is not None and isinstance(value, (numpy.Generator, numpy.RandomState))


def _state(generator: Any) -> Any:
    if isinstance(generator, Random):
        return generator.getstate()
    if _is_numpy(generator):
        owner = getattr(generator, "bit_generator", None)
        return generator.get_state(legacy=False) if owner is None else owner.state
    return generator.get_state()


def _put(generator: Any, state: Any) -> None:
    if isinstance(generator, Random):
        version, internal, gauss = state
        generator.setstate((version, tuple(internal), gauss))
    elif not _is_numpy(generator):
        generator.set_state(state)
    elif hasattr(generator, "bit_generator"):
        generator.bit_generator.state = state
    else:
        generator.set_state(state)
