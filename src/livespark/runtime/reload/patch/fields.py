"""Dataclasses and the like: their decorator changes the class once more, when it has taken its successor's content.

It must find the class as a new one would be, without what it generated before. New fields are given to living objects
when it is done.
"""

import dataclasses
from contextlib import suppress
from functools import partial
from typing import Any, Final

from livespark.runtime.reload.patch.base import Patching
from livespark.runtime.reload.patch.instances import family, instances_of
from livespark.runtime.reload.patch.migration import renew_instances

__all__ = ("generated", "note_fields", "settle_fields", "waits_for_decorator")

_FIELDS: Final = "__dataclass_fields__"
_ATTRS: Final = "__attrs_attrs__"
"""What the attrs library marks its classes with."""
_GENERATED: Final = frozenset(
    [
        "__dataclass_fields__",
        "__dataclass_params__",
        "__init__",
        "__repr__",
        "__eq__",
        "__lt__",
        "__le__",
        "__gt__",
        "__ge__",
        "__hash__",
        "__match_args__",
        "__setattr__",
        "__delattr__",
        "__replace__",
        "__getstate__",
        "__setstate__",
    ]
)


def generated(old: type, new: type) -> frozenset[str]:
    """What follows also when only some members are taken: what the decorator makes, and what it looks at."""
    if _ATTRS in vars(old):
        return frozenset(vars(old).keys() | vars(new).keys())
    if _FIELDS not in vars(old):
        return frozenset()
    made = _GENERATED if _FIELDS in vars(new) else _GENERATED - vars(new).keys()
    return made | frozenset(vars(new).get("__annotations__", {}))


def waits_for_decorator(old: type, new: type) -> bool:
    """Whether the decorator will make another class, with slots, of the new one: that will be the successor."""
    return _is_made(old) and "__slots__" in vars(old) and not _is_made(new) and "__slots__" not in vars(new)


def _is_made(cls: type) -> bool:
    return _FIELDS in vars(cls) or _ATTRS in vars(cls)


def note_fields(patch: Patching, old: type) -> None:
    """The class is about to change; its fields are compared by `settle_fields`."""
    if _FIELDS in vars(old):
        patch.fields.setdefault(old, frozenset(getattr(old, _FIELDS)))


def settle_fields(patch: Patching, cls: type) -> None:
    """The decorator is done: living objects get the fields they lack, if these have a factory. Raises Refusal."""
    before = patch.fields.pop(cls, None)
    if before is None or _FIELDS not in vars(cls):
        return
    new = [each for each in dataclasses.fields(cls) if each.name not in before]
    for made in new:
        if made.default_factory is not dataclasses.MISSING:
            _fill(patch, cls, made)
    if needed := frozenset(each.name for each in new if each.init):
        renew_instances(patch, cls, needed, patch.old_source(cls))


def _fill(patch: Patching, cls: type, made: "dataclasses.Field[Any]") -> None:
    for instance in instances_of(family(cls)):
        if not hasattr(instance, made.name) and callable(made.default_factory):
            object.__setattr__(instance, made.name, made.default_factory())
            patch.undo.later(partial(_take_away, instance, made.name))


def _take_away(instance: object, name: str) -> None:
    """The new code may have done so itself."""
    with suppress(AttributeError):
        object.__delattr__(instance, name)
