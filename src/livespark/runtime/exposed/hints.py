"""Type hints taken apart: what is declared, and the metadata around it."""

import sys
import typing
from dataclasses import InitVar
from inspect import get_annotations
from types import UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    NewType,
    NotRequired,
    Required,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from livespark.protocol.live import Shape
from livespark.runtime.exposed.declared import Slider
from livespark.runtime.exposed.kinds import ANYTHING

__all__ = ("annotated", "bounded", "class_hints", "doc_of", "item_hint", "members", "strip", "violation")

_WRAPPERS: Any = (ClassVar, Final, Required, NotRequired, getattr(typing, "ReadOnly", Required))


def strip(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """The bare hint without aliases and wrappers, and the metadata of every `Annotated` on the way, outermost last."""
    metadata: tuple[Any, ...] = ()
    while (inner := _inside(hint)) is not None:
        metadata = (*getattr(hint, "__metadata__", ()), *metadata)
        hint = inner[0]
    return hint, metadata


def _inside(hint: Any) -> tuple[Any] | None:
    origin = get_origin(hint)
    if origin is Annotated:
        return (hint.__origin__,)
    if origin is not None:
        return (get_args(hint)[0],) if any(origin is wrapper for wrapper in _WRAPPERS) else None
    if isinstance(hint, NewType):
        return (hint.__supertype__,)
    if isinstance(hint, InitVar):
        return (hint.type,)
    if isinstance(hint, TypeVar):
        return (hint.__bound__ or ANYTHING,)
    if type(hint).__name__ == "TypeAliasType":
        return (hint.__value__,)
    return None


def annotated(hint: Any, metadata: tuple[Any, ...]) -> Any:
    """`hint` with metadata around it."""
    return Annotated[(hint, *metadata)] if metadata else hint


def members(bare: Any) -> tuple[Any, ...]:
    """The members of a union; () for anything else."""
    return get_args(bare) if get_origin(bare) in (Union, UnionType) else ()


def item_hint(hint: Any, key: object) -> Any:
    """What the item `key` of a container declared as `hint` is declared to be."""
    if hint is ANYTHING:
        return ANYTHING
    for option in members(strip(hint)[0]) or (hint,):
        bare = strip(option)[0]
        if isinstance(bare, type) and hasattr(bare, "__required_keys__"):
            return class_hints(bare).get(key, ANYTHING)
        if get_origin(bare) is not None:
            return _argument(get_origin(bare), get_args(bare), key)
    return ANYTHING


def _argument(origin: Any, arguments: tuple[Any, ...], key: object) -> Any:
    if origin is tuple and arguments[-1:] != (...,):
        return arguments[key] if isinstance(key, int) and key < len(arguments) else ANYTHING
    if len(arguments) == 2 and arguments[1] is not ...:
        return arguments[1]
    return arguments[0] if arguments else ANYTHING


def class_hints(cls: type) -> dict[Any, Any]:
    """The hints of a class's attributes; those that name something unknown are left out."""
    try:
        return get_type_hints(cls, include_extras=True)
    except Exception:
        return _readable_hints(cls)


def _readable_hints(cls: type) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for base in reversed(cls.__mro__):
        names = {**vars(sys.modules.get(base.__module__, sys)), **vars(base)}
        for name, hint in _annotations(base).items():
            found[name] = _evaluate(hint, names) if isinstance(hint, str) else hint
    return found


def _annotations(cls: type) -> dict[str, Any]:
    try:
        return get_annotations(cls)
    except Exception:
        return {}


def _evaluate(text: str, names: dict[str, Any]) -> Any:
    try:
        return eval(text, names)
    except Exception:
        return ANYTHING


def doc_of(hint: Any) -> str:
    """A plain text among the metadata of a hint describes the place."""
    return next((item for item in strip(hint)[1] if isinstance(item, str)), "")


def bounded(shape: Shape, metadata: tuple[Any, ...]) -> Shape:
    """`shape` with the bounds that sliders, limits and shapes in the metadata declare."""
    for item in metadata:
        if isinstance(item, Shape):
            shape = msgspec.structs.replace(item, nullable=item.nullable or shape.nullable)
        elif shape.type in ("float", "int"):
            shape = _with_bounds(shape, item)
    return shape


def _with_bounds(shape: Shape, item: Any) -> Shape:
    if isinstance(item, Slider):
        return msgspec.structs.replace(
            shape, minimum=item.minimum, maximum=item.maximum, step=item.step, log=item.log, editor="slider"
        )
    low, high = _first_number(item, "ge", "gt"), _first_number(item, "le", "lt")
    return msgspec.structs.replace(
        shape,
        minimum=shape.minimum if low is None else low,
        maximum=shape.maximum if high is None else high,
    )


def _first_number(item: Any, *names: str) -> float | None:
    found = (getattr(item, name, None) for name in names)
    return next((number for number in found if isinstance(number, int | float)), None)


def violation(metadata: tuple[Any, ...], number: Any) -> str:
    """Which open bound `number` violates, as "must be ..."; "" where none. A `Shape` can only say inclusive ones."""
    for item in metadata:
        above, below = _first_number(item, "gt"), _first_number(item, "lt")
        if above is not None and not number > above:
            return f"must be above {above:g}, not {number}"
        if below is not None and not number < below:
            return f"must be below {below:g}, not {number}"
    return ""
