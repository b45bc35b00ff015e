"""Named tuples: as long as objects of one live, its fields can't change."""

from typing import Any, Final

from livespark.runtime.reload.patch.base import Patching
from livespark.runtime.reload.patch.classes import take_class
from livespark.runtime.reload.patch.instances import family, is_unused, refuse_class

__all__ = ("is_named_tuple", "take_named_tuple")

_FOLLOWING: Final = frozenset({"__new__", "_field_defaults"})


def is_named_tuple(cls: type) -> bool:
    """Whether `namedtuple` or `NamedTuple` made this class."""
    return cls.__bases__ == (tuple,) and "_fields" in vars(cls)


def take_named_tuple(patch: Patching, old: type[Any], new: type[Any], only: frozenset[str] | None) -> type:
    """The old class with the new methods and defaults; the new one, if the fields changed and nothing of it lives."""
    if old._fields == new._fields:
        return take_class(patch, old, new, None if only is None else only | _FOLLOWING)
    if len(family(old)) > 1 or not is_unused(old):
        raise refuse_class(patch, old, f"its fields changed from {old._fields} to {new._fields}", migrate=False)
    return new
