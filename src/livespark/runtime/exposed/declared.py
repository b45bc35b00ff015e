"""What a script declares about its values and functions: ranges, limits, read-only, safe on another thread."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from msgspec import Struct

from livespark.errors import UsageError

__all__ = ("Limit", "ReadOnly", "Slider", "call_method", "concurrent", "is_concurrent", "read_only")

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T")
_MARK = "__livespark_concurrent__"


@dataclass(frozen=True)
class Slider:
    """The range of a number, in a type hint: `lr: Annotated[float, spark.Slider(1e-5, 1e-1, log=True)]`.

    Bounds are inclusive and hold for every edit and call. `log`: the slider moves in proportion; `step`: by this much.
    Raises UsageError for a range that is none.
    """

    minimum: float
    maximum: float
    log: bool = field(default=False, kw_only=True)
    step: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.minimum) and math.isfinite(self.maximum) and self.minimum < self.maximum):
            raise UsageError(f"a slider goes from a number to a larger one, not from {self.minimum} to {self.maximum}")
        if self.log and self.minimum <= 0:
            raise UsageError(f"a logarithmic slider starts above 0, not at {self.minimum}")
        if self.step is not None and not 0 < self.step <= self.maximum - self.minimum:
            raise UsageError(f"a slider's step is above 0 and at most its range, not {self.step}")


class Limit(Struct, frozen=True, kw_only=True):
    """Bounds in a type hint, open or closed, named as in the package annotated-types, whose own are understood, too."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None


class ReadOnly(Struct, Generic[_T], frozen=True):
    """A binding whose value, and all below it, can't be edited from outside."""

    value: _T


def read_only(value: _T) -> ReadOnly[_T]:
    """For `spark.expose(state=spark.read_only(state))`: shown, never edited from outside."""
    return ReadOnly(value)


def concurrent(function: _F) -> _F:
    """Mark a function as safe to run on another thread, at once, while the training thread goes on. A decorator."""
    try:
        setattr(function, _MARK, True)
    except AttributeError:
        raise UsageError(f"{function!r} can't be marked; wrap it in a function of yours") from None
    return function


def is_concurrent(function: Any) -> bool:
    """Whether `function`, what a partial wraps, or an object's `__call__` carries the mark of `concurrent`."""
    candidates = (function, getattr(function, "func", None), call_method(function))
    return any(getattr(candidate, _MARK, False) is True for candidate in candidates)


def call_method(function: Any) -> Any:
    """What executes when an object is called: its class's `__call__`; None where that is not written in Python."""
    return next((vars(base)["__call__"] for base in type(function).__mro__ if "__call__" in vars(base)), None)
