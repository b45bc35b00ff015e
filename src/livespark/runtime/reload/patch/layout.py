"""What a class can't take over as long as objects of it live: bases, slots, metaclass."""

import enum
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Final

from livespark.runtime.reload.patch.base import Patching, same_origin
from livespark.runtime.reload.patch.instances import family, is_unused, refuse_class

__all__ = ("Change", "reconcile")

_TRACKED: Final = 1 << 14
"""The flag of classes whose objects the collector knows."""


class Change(enum.Enum):
    """What becomes of the class: it takes attributes; its objects have to be migrated, too; the new one is taken."""

    PATCH = enum.auto()
    MIGRATE = enum.auto()
    REPLACE = enum.auto()


def reconcile(patch: Patching, old: type, new: type) -> Change:
    """Give the old class the bases of the new one where that can be done. Raises Refusal."""
    if type(old) is not type(new):
        return _replace(patch, old, f"its metaclass changed from {type(old).__name__} to {type(new).__name__}")
    if not _same_bases(patch, old, new):
        return _change_bases(patch, old, new)
    if _slots(old) != _slots(new):
        return _replace(patch, old, "its __slots__ changed")
    if (old.__basicsize__, old.__itemsize__) != (new.__basicsize__, new.__itemsize__):
        return _replace(patch, old, "its objects are laid out in another way now")
    return Change.PATCH


def _same_bases(patch: Patching, old: type, new: type) -> bool:
    """Bases made on the spot, like `namedtuple("P", "x y")`, are the same if one can take over the other's content."""
    if len(old.__bases__) != len(new.__bases__):
        return False
    return all(
        mine is theirs or (same_origin(mine, theirs) and patch.adopt(mine, theirs) is mine)
        for mine, theirs in zip(old.__bases__, new.__bases__, strict=True)
    )


def _change_bases(patch: Patching, old: type, new: type) -> Change:
    change = f"its bases changed from {_listed(old.__bases__)} to {_listed(new.__bases__)}"
    unused = all(map(is_unused, family(old)))
    if not unused and not hasattr(new, "__livespark_migrate__"):
        raise refuse_class(patch, old, change)
    try:
        patch.undo.set_attribute(old, "__bases__", new.__bases__)
    except TypeError:
        if _is_free(old):
            return Change.REPLACE
        raise refuse_class(patch, old, f"{change}, which have another layout", migrate=False) from None
    return Change.PATCH if unused else Change.MIGRATE


def _replace(patch: Patching, old: type, change: str) -> Change:
    if not _is_free(old):
        raise refuse_class(patch, old, change, migrate=False)
    return Change.REPLACE


def _is_free(cls: type) -> bool:
    """Whether it is certain that nothing lives that is of this class."""
    return len(family(cls)) == 1 and bool(cls.__flags__ & _TRACKED) and is_unused(cls)


def _slots(cls: type) -> frozenset[str]:
    """The slots of a class itself, the dictionary and the weak references among them."""
    return frozenset(
        name for name, value in vars(cls).items() if isinstance(value, MemberDescriptorType | GetSetDescriptorType)
    )


def _listed(bases: tuple[type, ...]) -> str:
    return f"({', '.join(base.__qualname__ for base in bases)})"
