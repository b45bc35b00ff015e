"""Objects that live already get what only the new `__init__` makes, by their `__livespark_migrate__`, or not at all."""

import gc
from collections.abc import Callable, Iterable
from functools import partial
from types import FunctionType, MemberDescriptorType
from typing import Any, Final

from livespark.runtime.reload.patch.base import Patching
from livespark.runtime.reload.patch.instances import family, instances_of, shown
from livespark.runtime.reload.undo import Refusal

__all__ = ("migrate", "migrate_all", "renew_instances")

_ABSENT: Final = object()
_INNER: Final = ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")
"""What a torch module keeps its parts in, beside its dictionary."""


def renew_instances(patch: Patching, cls: type, made: frozenset[str], old_source: str) -> None:
    """Living objects that lack one of the attributes `made` are migrated. Raises Refusal where one goes on lacking it,
    and whatever `__livespark_migrate__` raises."""
    if not _lacking(patch, cls, made):
        return
    gc.collect()
    for instance in _lacking(patch, cls, made):
        if hasattr(instance, "__livespark_migrate__"):
            migrate(patch, instance, old_source)
        if missing := _missing(instance, made):
            raise _refusal(patch, instance, cls, missing)


def migrate_all(patch: Patching, cls: type) -> None:
    """Migrate every living object of the class, and of those derived from it."""
    source = patch.old_source(cls)
    for instance in instances_of(family(cls)):
        migrate(patch, instance, source)


def _lacking(patch: Patching, cls: type, made: frozenset[str]) -> list[Any]:
    classes = [each for each in family(cls) if _initialised_by(each, cls)]
    living = [each for each in instances_of(classes) if id(each) not in patch.leaving]
    return [each for each in living if _missing(each, made)]


def _initialised_by(derived: type, cls: type) -> bool:
    """Whether the `__init__` of `cls` is executed for a derived class: every one before it calls the next."""
    before = derived.__mro__[: derived.__mro__.index(cls)]
    return all(_calls_up(vars(each)["__init__"]) for each in before if "__init__" in vars(each))


def _calls_up(init: object) -> bool:
    return not isinstance(init, FunctionType) or not {"super", "__init__"}.isdisjoint(init.__code__.co_names)


def _missing(instance: object, made: Iterable[str]) -> list[str]:
    return sorted(name for name in made if not _has(instance, name))


def _has(instance: object, name: str) -> bool:
    try:
        return hasattr(instance, name)
    except Exception:  # a property that can't be computed at the moment is there all the same
        return True


def migrate(patch: Patching, instance: Any, old_source: str) -> None:
    """Call its `__livespark_migrate__`; taken back, it has the attributes that it had."""
    patch.undo.later(_restorer(instance))
    instance.__livespark_migrate__(old_source)


def _restorer(instance: Any) -> Callable[[], None]:
    """What gives the object its attributes back, and a torch module its parts."""
    held = getattr(instance, "__dict__", None)
    inner = {name: part for name in _INNER if isinstance(part := (held or {}).get(name), dict | set)}
    copies = [(part, part.copy()) for part in inner.values()]
    slots = [(slot, _slot_value(slot, instance)) for slot in _slots(type(instance))]
    return partial(_restore, instance, None if held is None else dict(held), copies, slots)


def _restore(
    instance: Any,
    held: dict[str, Any] | None,
    copies: list[tuple[Any, Any]],
    slots: list[tuple[MemberDescriptorType, object]],
) -> None:
    if held is not None:
        vars(instance).clear()
        vars(instance).update(held)
    for part, copy in copies:
        part.clear()
        part.update(copy)
    for slot, value in slots:
        if value is not _ABSENT:
            slot.__set__(instance, value)
        elif _slot_value(slot, instance) is not _ABSENT:
            slot.__delete__(instance)


def _slots(cls: type) -> list[MemberDescriptorType]:
    members = [value for each in cls.__mro__ for value in vars(each).values()]
    return [
        each for each in members if isinstance(each, MemberDescriptorType) and "__slots__" in vars(each.__objclass__)
    ]


def _slot_value(slot: MemberDescriptorType, instance: object) -> object:
    try:
        return slot.__get__(instance)
    except AttributeError:
        return _ABSENT


def _refusal(patch: Patching, instance: object, cls: type, missing: list[str]) -> Refusal:
    names = ", ".join(missing)
    return Refusal(
        f"{shown(patch, instance)} has no {names}, which the new {cls.__qualname__}.__init__ makes. To go on: define "
        f"{cls.__qualname__}.__livespark_migrate__(self, old_source), have what is persisted of it made anew "
        "(`livespark reload --clear KEY`), or restart the run"
    )
