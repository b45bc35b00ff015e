"""Enums: members of the same name stay the objects they are, new ones come, removed ones go."""

import enum
from functools import partial
from typing import Any, Final

from livespark.runtime.reload.patch.base import Patching
from livespark.runtime.reload.patch.classes import note_class, point_at, take_attributes
from livespark.runtime.reload.undo import Refusal, delete_from_class, set_on_class

__all__ = ("take_enum",)

_OF_MEMBER: Final = frozenset({"_value_", "_name_", "__objclass__", "_sort_order_", "_inverted_"})
_KEPT: Final = frozenset({"__module__", "__dict__", "__weakref__"})
_PLAIN: Final = (bool, int, float, complex, str, bytes, type(None))
_MAPS: Final = frozenset({"_member_map_", "_value2member_map_"})


def take_enum(patch: Patching, old: type[enum.Enum], new: type[enum.Enum], _only: object) -> type[enum.Enum]:
    """The old enum with the members and methods of the new one. Raises Refusal where a value changed."""
    if old.__bases__ != new.__bases__:
        raise _refusal(old, "its bases changed")
    _check_values(old, new)
    note_class(patch, old)
    members = {name: _member(patch, old, name, member) for name, member in new.__members__.items()}
    machinery = _MAPS | old.__members__.keys() | new.__members__.keys()
    take_attributes(patch, old, new, (vars(old).keys() | vars(new).keys()) - machinery - _KEPT)
    _bind_members(old, new, members)
    _set_maps(old, new, members)
    point_at(old, new)
    return old


def _check_values(old: type[enum.Enum], new: type[enum.Enum]) -> None:
    for name, member in old.__members__.items():
        after = new.__members__.get(name)
        if after is not None and _plain(member.value) != _plain(after.value):
            raise _refusal(old, f"the value of {name} changed from {member.value!r} to {after.value!r}")


def _plain(value: object) -> str | None:
    """A text for values that are the same in every execution; None for functions and other objects."""
    items = value if isinstance(value, tuple) else (value,)
    return repr(value) if all(isinstance(each, _PLAIN) for each in items) else None


def _refusal(old: type, change: str) -> Refusal:
    return Refusal(
        f"enum {old.__qualname__}: {change}, and its living members can't follow. To go on: give the new value a name "
        "of its own, or restart the run"
    )


def _member(patch: Patching, old: type[enum.Enum], name: str, made: Any) -> Any:
    """The member that lives on: the old one, with the attributes the new `__init__` gave it, or the new one."""
    living: Any = old.__members__.get(name)
    if living is None:
        if type(made) is not old:
            made.__class__ = old
            made.__objclass__ = old
        return made
    before = dict(vars(living))
    patch.undo.later(partial(_restore, living, before))
    taken = {key: value for key, value in vars(made).items() if key not in _OF_MEMBER}
    _restore(living, {key: value for key, value in before.items() if key in _OF_MEMBER} | taken)
    vars(living).update(_value_=made._value_, _sort_order_=made._sort_order_)
    return living


def _restore(member: Any, attributes: dict[str, Any]) -> None:
    vars(member).clear()
    vars(member).update(attributes)


def _bind_members(old: type[enum.Enum], new: type[enum.Enum], members: dict[str, Any]) -> None:
    for name in old.__members__.keys() - members.keys():
        if name in vars(old):
            delete_from_class(old, name)
    for name, member in members.items():
        bound: Any = vars(new).get(name, member)
        if not isinstance(bound, enum.Enum):
            bound.member = member
            bound.clsname = old.__name__
        set_on_class(old, name, member if isinstance(bound, enum.Enum) else bound)


def _set_maps(old: Any, new: Any, members: dict[str, Any]) -> None:
    """Flags keep the combinations that live."""
    by_value = {value: members.get(member._name_, member) for value, member in new._value2member_map_.items()}
    if issubclass(old, enum.Flag):
        single = {member._value_ for member in old.__members__.values()}
        living = {value: member for value, member in old._value2member_map_.items() if value not in single}
        by_value = {**living, **by_value}
    for member in by_value.values():
        if type(member) is new:
            member.__class__ = old
        vars(member).pop("_inverted_", None)
    set_on_class(old, "_value2member_map_", by_value)
    set_on_class(old, "_member_map_", members)
