"""Which kind the values of a class have: decided once for every class, then one dictionary look-up."""

import functools
import io
import os
import sys
import types
from collections import deque
from collections.abc import Callable, Mapping, MutableSequence
from enum import Enum
from pathlib import PurePath
from typing import Final

from livespark.runtime.exposed import optimizers
from livespark.runtime.exposed.arrays import NumpyArray, Tensor
from livespark.runtime.exposed.containers import MappingKind, NamedTupleKind, SequenceKind, SetKind
from livespark.runtime.exposed.kinds import Hidden, Kind
from livespark.runtime.exposed.leaves import (
    Broken,
    Bytes,
    Choice,
    Nothing,
    NumpyScalar,
    PathText,
    Scalar,
    Text,
    Unreadable,
)
from livespark.runtime.exposed.modules import ModuleKind, Tables
from livespark.runtime.exposed.objects import ObjectKind, OfferedKind, offers
from livespark.runtime.exposed.schedulers import SchedulerKind, scheduler_classes

__all__ = ("Registry",)

_FUNCTIONS: Final = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    functools.partial,
)
_TEXT: Final = Text()
_FUNCTION: Final = Hidden(function=True)
_EXACT: Final[Mapping[type, Kind]] = {
    type(None): Nothing(),
    bool: Scalar(bool),
    Unreadable: Broken(),
    optimizers.Group: optimizers.GroupKind(),
    optimizers.Groups: optimizers.GroupsKind(),
    optimizers.Pair: optimizers.PairKind(),
}


class Registry:
    """`kind(cls)`; forgets all it knows on `clear`, because a reload may have changed classes."""

    def __init__(self, tables: Tables | None = None) -> None:
        self.tables = tables or Tables()
        self._kinds: dict[type, Kind] = dict(_EXACT)

    def kind(self, cls: type) -> Kind:
        found = self._kinds.get(cls)
        if found is None:
            found = self._kinds[cls] = self._classify(cls)
        return found

    def is_hidden(self, cls: type) -> bool:
        return isinstance(self.kind(cls), Hidden)

    def clear(self) -> None:
        self._kinds = dict(_EXACT)
        self.tables.clear()

    def _classify(self, cls: type) -> Kind:
        try:
            return next(kind for kind in (rule(self, cls) for rule in _RULES) if kind is not None)
        except Exception:
            return _TEXT


def _of_torch(registry: Registry, cls: type) -> Kind | None:
    if _is(cls, "torch", "Tensor"):
        return Tensor()
    if _is(cls, "torch.nn", "Module"):
        return ModuleKind(cls, registry.tables)
    if _is(cls, "torch.optim", "Optimizer"):
        return optimizers.OptimizerKind()
    if issubclass(cls, scheduler_classes()):
        return SchedulerKind(cls, registry.is_hidden, without=frozenset({"optimizer"}))
    return None


def _of_numpy(_: Registry, cls: type) -> Kind | None:
    if _is(cls, "numpy", "ndarray"):
        return NumpyArray()
    if _is(cls, "numpy", "bool_", "integer", "floating") and not issubclass(cls, float):
        return NumpyScalar()
    return None


def _is(cls: type, module: str, *names: str) -> bool:
    """Whether `cls` derives from a class of a library, if that is loaded at all."""
    found = (getattr(sys.modules.get(module), name, None) for name in names)
    return any(isinstance(base, type) and issubclass(cls, base) for base in found)


def _of_hook(_: Registry, cls: type) -> Kind | None:
    return OfferedKind() if offers(cls) else None


def _of_scalars(_: Registry, cls: type) -> Kind | None:
    return next((kind for base, kind in _SCALARS if issubclass(cls, base)), None)


def _of_collections(_: Registry, cls: type) -> Kind | None:
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return NamedTupleKind()
    return next((kind for base, kind in _COLLECTIONS if issubclass(cls, base)), None)


def _of_the_rest(registry: Registry, cls: type) -> Kind | None:
    if issubclass(cls, type | types.ModuleType):
        return Hidden()
    if issubclass(cls, _FUNCTIONS) or "__call__" in _python_attributes(cls):
        return _FUNCTION
    if issubclass(cls, BaseException | io.IOBase | os.PathLike) or not _has_attributes(cls):
        return _TEXT
    return ObjectKind(cls, registry.is_hidden)


def _python_attributes(cls: type) -> set[str]:
    return {name for base in cls.__mro__[:-1] for name in vars(base)}


def _has_attributes(cls: type) -> bool:
    return not _python_attributes(cls).isdisjoint({"__dict__", "__slots__"})


_SCALARS: Final[tuple[tuple[type, Kind], ...]] = (
    (Enum, Choice()),
    (int, Scalar(int)),
    (float, Scalar(float)),
    (str, Scalar(str)),
    (PurePath, PathText()),
    (bytes, Bytes()),
    (bytearray, Bytes()),
)
_COLLECTIONS: Final[tuple[tuple[type, Kind], ...]] = (
    (Mapping, MappingKind()),
    (list, SequenceKind()),
    (tuple, SequenceKind()),
    (deque, SequenceKind()),
    (MutableSequence, SequenceKind()),
    (set, SetKind()),
    (frozenset, SetKind()),
)
_RULES: Final[tuple[Callable[[Registry, type], Kind | None], ...]] = (
    _of_scalars,
    _of_torch,
    _of_numpy,
    _of_hook,
    _of_collections,
    _of_the_rest,
)
"""In order of precedence; the last one always answers."""
