"""The content of NumPy's arrays and random generators, kept and put back. Here it is never imported."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

__all__ = ("generator_types", "keep_array", "keep_generator")


def keep_array(array: Any) -> Callable[[], object]:
    """Copy the numbers, or references. -> what puts them back, also if the array has been resized."""
    return partial(_restore_array, array, array.copy())


def _restore_array(array: Any, kept: Any) -> None:
    if array.shape != kept.shape:
        array.resize(kept.shape, refcheck=False)
    array[...] = kept


def generator_types() -> tuple[type, ...]:
    """Those for `keep_generator`."""
    numpy: Any = sys.modules.get("numpy.random")
    return (numpy.Generator, numpy.RandomState, numpy.BitGenerator) if numpy else ()


def keep_generator(value: Any) -> Callable[[], object]:
    """Copy the state. -> what puts it back."""
    if hasattr(value, "get_state"):
        return partial(value.set_state, value.get_state(legacy=False))
    owner = getattr(value, "bit_generator", value)
    return partial(setattr, owner, "state", owner.state)
