"""The forms of scalar hints: numbers, texts, choices, paths."""

import math
import numbers
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from enum import Enum
from os import PathLike
from pathlib import Path, PurePath
from types import NoneType
from typing import Any, Final, Literal, NamedTuple, get_args, get_origin

from livespark.protocol.live import Shape
from livespark.protocol.shapes import check, show
from livespark.runtime.exposed.hints import bounded, violation

__all__ = ("SCALAR_FORMS", "Form", "constant", "is_class")


class Form(NamedTuple):
    """What a kind of hint means.

    `shape(bare, depth)` describes the values; `accept(bare, metadata, value)` converts one or raises
    ValueError("must be ...").
    """

    matches: Callable[[Any], bool]
    shape: Callable[[Any, int], Shape]
    accept: Callable[[Any, tuple[Any, ...], Any], Any]


def constant(shape: Shape) -> Callable[[Any, int], Shape]:
    """The `shape` of a form whose hints all look alike."""
    return lambda _bare, _depth: shape


def is_class(bare: Any, *bases: Any) -> bool:
    """Whether a hint is a class derived from one of `bases`."""
    return isinstance(bare, type) and issubclass(bare, bases)


_PLAIN: Final[Mapping[Any, Any]] = {float: "float", int: "int"}


def _number_shape(bare: type, _: int) -> Shape:
    if bare in _PLAIN:
        return Shape(_PLAIN[bare])
    return Shape("int" if issubclass(bare, numbers.Integral) else "float")


def _accept_number(bare: type, metadata: tuple[Any, ...], value: Any) -> Any:
    shape = bounded(_number_shape(bare, 0), metadata)
    checked = check(shape, value)
    if problem := violation(metadata, checked):
        raise ValueError(problem)
    built: Any = checked if isinstance(checked, bare) else _build_number(bare, checked)
    if shape.finite and abs(built) == math.inf:
        raise ValueError(f"must be a finite number, and {value} is too large for {bare.__name__}")
    return built


def _build_number(bare: Any, checked: Any) -> Any:
    numpy = sys.modules.get("numpy")
    try:
        with numpy.errstate(over="ignore") if numpy else nullcontext():
            return bare(checked)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise ValueError(f"must fit into {bare.__name__}: {error}") from None


def _accept_text(bare: type, _: tuple[Any, ...], value: Any) -> Any:
    checked = check(Shape("str"), value)
    return checked if bare is str else bare(checked)


def _accept_path(bare: Any, _: tuple[Any, ...], value: Any) -> Any:
    return (bare if is_class(bare, PurePath) else Path)(check(Shape("str"), value))


def _accept_bool(bare: type, _: tuple[Any, ...], value: Any) -> Any:
    checked = check(Shape("bool"), value)
    return checked if bare is bool else bare(checked)


def _accept_none(_: Any, __: Any, value: Any) -> None:
    if value is not None:
        raise ValueError(f"must be nothing (null), not {show(value)}")


def _accept_bytes(_: Any, __: Any, value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError(f"must be bytes, not {show(value)}")
    return value


def _enum_shape(bare: type[Enum], _: int) -> Shape:
    return Shape("choice", choices=list(bare.__members__))


def _accept_enum(bare: type[Enum], _: tuple[Any, ...], value: Any) -> Enum:
    if isinstance(value, str) and value in bare.__members__:
        return bare.__members__[value]
    for member in bare:
        if type(member.value) is type(value) and member.value == value:
            return member
    check(_enum_shape(bare, 0), value)
    raise ValueError("must be one of its members")


def _literal_shape(bare: Any, _: int) -> Shape:
    options = [option.name if isinstance(option, Enum) else option for option in get_args(bare)]
    nullable = None in options
    return Shape(
        "choice", choices=[o for o in options if o is not None and not isinstance(o, bytes)], nullable=nullable
    )


def _accept_literal(bare: Any, _: tuple[Any, ...], value: Any) -> Any:
    checked = check(_literal_shape(bare, 0), value)
    options = get_args(bare)
    return next((o for o in options if isinstance(o, Enum) and o.name == checked), checked)


def _is_numpy_bool(bare: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and is_class(bare, numpy.bool_)


def _is_path(bare: Any) -> bool:
    return (get_origin(bare) or bare) is PathLike or is_class(bare, PurePath)


SCALAR_FORMS: Final[tuple[Form, ...]] = (
    Form(lambda bare: get_origin(bare) is Literal, _literal_shape, _accept_literal),
    Form(lambda bare: bare is None or bare is NoneType, constant(Shape("any", nullable=True)), _accept_none),
    Form(lambda bare: bare is bool or _is_numpy_bool(bare), constant(Shape("bool")), _accept_bool),
    Form(lambda bare: is_class(bare, Enum), _enum_shape, _accept_enum),
    Form(lambda bare: is_class(bare, float, int, numbers.Real), _number_shape, _accept_number),
    Form(lambda bare: is_class(bare, str), constant(Shape("str")), _accept_text),
    Form(lambda bare: is_class(bare, bytes), constant(Shape("any")), _accept_bytes),
    Form(_is_path, constant(Shape("str")), _accept_path),
)
"""In order of precedence."""
