"""The table of what takes over what: old and new value must be of the same kind, else the new one is taken.

The first kind that matches counts. Whatever is in no table, an object, a `partial`, a type variable, is taken as new.
"""

import enum
import functools
import typing
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final, NamedTuple

from livespark.runtime.reload.patch.base import Patching, same_origin
from livespark.runtime.reload.patch.classes import take_class
from livespark.runtime.reload.patch.enums import take_enum
from livespark.runtime.reload.patch.members import (
    adopt_cache,
    adopt_cached_property,
    adopt_dispatcher,
    adopt_method,
    adopt_property,
    is_dispatcher,
)
from livespark.runtime.reload.patch.models import is_model, take_model
from livespark.runtime.reload.patch.records import is_named_tuple, take_named_tuple
from livespark.runtime.reload.patch.search import CACHE

__all__ = ("ClassKind", "Kind", "class_kind_of", "kind_of")


class Kind(NamedTuple):
    """How values that `matches` are adopted: (patch, old, new) -> what is bound."""

    matches: Callable[[Any], bool]
    adopt: Callable[[Patching, Any, Any], Any]


class ClassKind(NamedTuple):
    """How classes that `matches` are taken over: (patch, old, new, only) -> the class that lives on."""

    matches: Callable[[type], bool]
    take: Callable[[Patching, Any, Any, frozenset[str] | None], type]


def _is(*classes: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, classes)


def _adopt_function(patch: Patching, old: FunctionType, new: FunctionType) -> object:
    return patch.adopt_function(old, new) if same_origin(old, new) else new


def _adopt_class(patch: Patching, old: type, new: type) -> object:
    return patch.adopt_class(old, new) if same_origin(old, new) else new


def _take_new(_patch: Patching, _old: type, new: type, _only: frozenset[str] | None) -> type:
    return new


_KINDS: Final = (
    Kind(is_dispatcher, adopt_dispatcher),
    Kind(_is(FunctionType), _adopt_function),
    Kind(_is(type), _adopt_class),
    Kind(_is(staticmethod), adopt_method),
    Kind(_is(classmethod), adopt_method),
    Kind(_is(property), adopt_property),
    Kind(_is(functools.cached_property), adopt_cached_property),
    Kind(_is(CACHE), adopt_cache),
)

_CLASS_KINDS: Final = (
    ClassKind(lambda cls: issubclass(cls, enum.Enum), take_enum),
    ClassKind(is_named_tuple, take_named_tuple),
    ClassKind(is_model, take_model),
    ClassKind(typing.is_typeddict, _take_new),
    ClassKind(lambda _: True, take_class),
)


def kind_of(value: object) -> Kind | None:
    """How a value is adopted; None if it never is."""
    return next((kind for kind in _KINDS if kind.matches(value)), None)


def class_kind_of(cls: type) -> ClassKind:
    """How a class is taken over."""
    return next(kind for kind in _CLASS_KINDS if kind.matches(cls))
