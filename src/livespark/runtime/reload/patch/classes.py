"""Classes take over the content of their successors, and stay the classes that live objects have.

The old class takes the new one's attributes; what both have is adopted, one by one. `super()` in functions that come
from the new class is pointed at the old one, so that nothing holds the new class any more. The whole content of the old
class is noted beforehand, because decorators go on changing it.
"""

import abc
from collections.abc import Iterable, Mapping
from functools import partial
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any, Final

from livespark.runtime.reload.patch.base import Patching
from livespark.runtime.reload.patch.fields import generated, note_fields, settle_fields, waits_for_decorator
from livespark.runtime.reload.patch.functions import cells_of, content
from livespark.runtime.reload.patch.instances import family
from livespark.runtime.reload.patch.layout import Change, reconcile
from livespark.runtime.reload.patch.migration import migrate_all
from livespark.runtime.reload.patch.search import parts_of, replace_in_containers
from livespark.runtime.reload.undo import delete_from_class, set_on_class

__all__ = ("note_class", "point_at", "take_attributes", "take_class")

_DERIVED: Final = frozenset(
    [
        "__abstractmethods__",
        "__annotations__",
        "__annotate_func__",
        "__annotations_cache__",
        "__classdictcell__",
        "__doc__",
        "__firstlineno__",
        "__hash__",
        "__livespark_migrate__",
        "__orig_bases__",
        "__parameters__",
        "__protocol_attrs__",
        "__static_attributes__",
        "__type_params__",
    ]
)
"""Attributes that nobody writes down as a member: they follow always."""
_KEPT: Final = frozenset({"__dict__", "__weakref__", "__module__", "_abc_impl"})
_PLAIN_METACLASSES: Final = frozenset({"builtins", "abc", "enum", "typing"})


def take_class(patch: Patching, old: type, new: type, only: frozenset[str] | None) -> type:
    """The class that takes the place of both. Raises Refusal."""
    if new not in patch.waiting and waits_for_decorator(old, new):
        patch.waiting.append(new)
        return new
    change = reconcile(patch, old, new)
    if change is Change.REPLACE:
        return new
    note_class(patch, old)
    note_fields(patch, old)
    take_attributes(patch, old, new, _taken_names(old, new, only))
    point_at(old, new)
    _renew_abstract(patch, old)
    _replace_registered(old, new)
    if "__dataclass_fields__" in vars(new):
        settle_fields(patch, old)
    if change is Change.MIGRATE:
        migrate_all(patch, old)
    return old


def _taken_names(old: type, new: type, only: frozenset[str] | None) -> frozenset[str]:
    """The names to be taken from the new class, or deleted where it lacks them."""
    everything = vars(old).keys() | vars(new).keys()
    return frozenset(everything if only is None else (only | _DERIVED | generated(old, new)) & everything) - _KEPT


def note_class(patch: Patching, cls: type) -> None:
    """When the reload is taken back, the class gets exactly the attributes that it has now."""
    patch.undo.later(partial(_restore, cls, dict(vars(cls))))


def _restore(cls: type, before: Mapping[str, object]) -> None:
    for name in [name for name in vars(cls) if name not in before]:
        delete_from_class(cls, name)
    for name, value in before.items():
        if vars(cls).get(name, cls) is not value:
            set_on_class(cls, name, value)


def take_attributes(patch: Patching, old: type, new: type, names: Iterable[str]) -> None:
    """Set these attributes of the old class as the new one has them. Noting them is the caller's."""
    for name in sorted(names):
        if _is_slot(vars(old).get(name)) or _is_slot(vars(new).get(name)):
            continue
        if name in vars(new):
            _take(patch, old, new, name)
        elif name in vars(old):
            delete_from_class(old, name)


def _is_slot(value: object) -> bool:
    return isinstance(value, MemberDescriptorType | GetSetDescriptorType)


def _take(patch: Patching, old: type, new: type, name: str) -> None:
    value = vars(new)[name]
    if name not in vars(old):
        set_on_class(old, name, value)
    elif (mine := vars(old)[name]) is not value:
        value = patch.adopt(mine, value)
        if value is mine:
            return
        set_on_class(old, name, value)
    if (told := getattr(type(value), "__set_name__", None)) is not None:
        told(value, old, name)


def point_at(old: type, new: type) -> None:
    """Functions made with the new class know the old one as theirs."""
    ahead: list[Any] = [value for value in vars(new).values() if not isinstance(value, type)]
    seen: set[int] = set()
    while ahead:
        value = ahead.pop()
        if id(value) in seen or isinstance(value, type):
            continue
        seen.add(id(value))
        ahead += parts_of(value)
        for _, cell in cells_of(value) if isinstance(value, FunctionType) else ():
            if content(cell) is new:
                cell.cell_contents = old


def _renew_abstract(patch: Patching, old: type) -> None:
    if not isinstance(old, abc.ABCMeta):
        return
    for cls in family(old):
        note_class(patch, cls)
        abc.update_abstractmethods(cls)
    clear_caches: Any = getattr(old, "_abc_caches_clear")  # noqa: B009 - typeshed does not know it
    clear_caches()


def _replace_registered(old: type, new: type) -> None:
    """Where the new class has been noted when it was made, by `__init_subclass__` or a metaclass, put the old one."""
    if not _announces(new):
        return
    for base in new.__mro__[1:]:
        for name in [name for name, value in vars(base).items() if value is new]:
            set_on_class(base, name, old)
    replace_in_containers(new, old)


def _announces(cls: type) -> bool:
    if any(each.__module__ not in _PLAIN_METACLASSES for each in type.mro(type(cls))):
        return True
    makers = [each for each in cls.__mro__[1:] if "__init_subclass__" in vars(each)]
    return any(each.__module__ not in _PLAIN_METACLASSES for each in makers)
