"""Metric values as they come from the user, read as numbers."""

import sys
from numbers import Real
from typing import Any, TypeAlias

__all__ = ("Late", "Scalar", "read")


class Late:
    """A number that is still on its device: `copy` is the user's tensor, copied there on `stream`."""

    __slots__ = ("copy", "stream")

    def __init__(self, copy: Any, stream: Any) -> None:
        self.copy = copy
        self.stream = stream


Scalar: TypeAlias = int | float | Late


def read(name: object, value: Any) -> Scalar:
    """The number in `value`. A tensor on another device than the CPU is copied there and read later.

    Raises TypeError for what is no number, ValueError for an array of several.
    """
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return int(value)
    if "torch" in sys.modules:
        from livespark.runtime import torch_support  # noqa: PLC0415 - the seam: only once the script has imported torch

        if (number := torch_support.read(name, value)) is not None:
            return number
    if hasattr(value, "shape") and hasattr(value, "item"):
        return _from_array(name, value)
    if isinstance(value, Real) or hasattr(type(value), "__float__"):
        return float(value)
    raise TypeError(
        f"log: the metric {name!r} is {_short(value)}, which is no number: log numbers, or 0-d arrays and tensors"
    )


def refuse_shape(name: object, shape: Any) -> ValueError:
    """The error for an array of several numbers."""
    return ValueError(f"log: the metric {name!r} has the shape {tuple(shape)}: log one number, for example its mean()")


def _from_array(name: object, value: Any) -> Scalar:
    if getattr(value, "size", 1) != 1:
        raise refuse_shape(name, value.shape)
    item = value.item()
    if not isinstance(item, int | float):
        raise TypeError(f"log: the metric {name!r} holds {_short(item)}, which is no real number")
    return int(item) if isinstance(item, bool) else item


def _short(value: Any) -> str:
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"
