"""Whether a value is allowed at a place: a `Shape` applied to a decoded Python value.

Nothing is guessed: a text is never read as a number and a bool is never one. What loses nothing is converted: an
integer where a float belongs, a float without a fraction where an integer belongs. `step`, `log` and `editor` say how
to edit; they forbid nothing.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from livespark.protocol.live import Shape

__all__ = ("check", "show")


def check(shape: Shape, value: Any) -> Any:
    """`value` as it belongs into a place of this shape. Raises ValueError("must be a number, ...")."""
    if value is None and (shape.nullable or shape.type == "any"):
        return None
    return _CHECKS[shape.type](shape, value)


def show(value: Any) -> str:
    """The value in a sentence: its repr, cut."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _float(shape: Shape, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number, not {show(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"must be a number that fits into a float, not {show(value)}") from None
    if shape.finite and not math.isfinite(number):
        raise ValueError(f"must be a finite number, not {number}")
    _refuse_beyond(shape, number)
    return number


def _int(shape: Shape, value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be a whole number, not {show(value)}")
    _refuse_beyond(shape, value)
    return value


def _refuse_beyond(shape: Shape, number: float) -> None:
    if shape.minimum is not None and number < shape.minimum:
        raise ValueError(f"must be at least {shape.minimum:g}, not {number}")
    if shape.maximum is not None and number > shape.maximum:
        raise ValueError(f"must be at most {shape.maximum:g}, not {number}")


def _bool(_: Shape, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {show(value)}")
    return value


def _str(_: Shape, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a text, not {show(value)}")
    return value


def _choice(shape: Shape, value: Any) -> Any:
    for choice in shape.choices:
        if isinstance(choice, bool) is isinstance(value, bool) and choice == value:
            return choice
    raise ValueError(f"must be one of {', '.join(map(show, shape.choices))}, not {show(value)}")


def _list(shape: Shape, value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list, not {show(value)}")
    return [_part(shape.item, item, f"item {index}") for index, item in enumerate(value)]


def _dict(shape: Shape, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"must be an object with names and values, not {show(value)}")
    return {key: _part(shape.item, item, f"item {show(key)}") for key, item in value.items()}


def _part(shape: Shape | None, value: Any, name: str) -> Any:
    if shape is None:
        return value
    try:
        return check(shape, value)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _any(_: Shape, value: Any) -> Any:
    return value


_CHECKS: Final[Mapping[str, Callable[[Shape, Any], Any]]] = {
    "float": _float,
    "int": _int,
    "bool": _bool,
    "str": _str,
    "choice": _choice,
    "list": _list,
    "dict": _dict,
    "any": _any,
}
