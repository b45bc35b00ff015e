"""What a reload did, so that it can be taken back.

Every change is made through an `Undo`, which notes how the thing was before. Either everything is taken back, newest
first, or everything is forgotten. Classes are changed past their metaclass, which may forbid it (an enum's does).
"""

from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any, Final

from livespark.errors import CommandRefused

__all__ = ("Refusal", "Undo", "delete_from_class", "set_on_class")

_ABSENT: Final = object()
_HELD_BY_TYPE: Final = frozenset({"__bases__", "__name__", "__qualname__"})
"""What a class has, but not in its `__dict__`."""


class Refusal(CommandRefused):
    """The reload can't be done to what is alive. The text names the object, and what to do."""


class Undo:
    """For one reload. Training thread only."""

    def __init__(self) -> None:
        self._steps: list[Callable[[], object]] = []

    def set_attribute(self, owner: Any, name: str, value: object) -> None:
        """Set what is in the owner itself, class or object. Raises what the owner raises; then nothing is noted."""
        before = _own(owner, name)
        _put(owner, name, value)
        self.later(partial(_put_back, owner, name, before))

    def delete_attribute(self, owner: Any, name: str) -> None:
        """Delete what is in the owner itself. Raises AttributeError where it is not."""
        before = _own(owner, name)
        _delete(owner, name)
        self.later(partial(_put_back, owner, name, before))

    def set_item(self, mapping: MutableMapping[Any, Any], key: object, value: object) -> None:
        """`mapping[key] = value`."""
        before = mapping.get(key, _ABSENT)
        mapping[key] = value
        self.later(partial(_put_item_back, mapping, key, before))

    def delete_item(self, mapping: MutableMapping[Any, Any], key: object) -> None:
        """`del mapping[key]`. Raises KeyError."""
        before = mapping.pop(key)
        self.later(partial(_put_item_back, mapping, key, before))

    def later(self, action: Callable[[], object]) -> None:
        """`action` is to be called when everything is taken back."""
        self._steps.append(action)

    def roll_back(self) -> None:
        """Take everything back. A step that fails keeps no other from being done: ExceptionGroup at the end."""
        failures = []
        while self._steps:
            try:
                self._steps.pop()()
            except Exception as error:
                failures.append(error)
        if failures:
            raise ExceptionGroup("the former code could not be put back completely", failures)

    def forget(self) -> None:
        """Everything stays as it is now."""
        self._steps.clear()


def set_on_class(cls: type, name: str, value: object) -> None:
    """Set an attribute of a class past what its metaclass forbids."""
    try:
        type.__setattr__(cls, name, value)
    except TypeError:  # the metaclass is no Python class, and cares for attributes itself
        setattr(cls, name, value)


def delete_from_class(cls: type, name: str) -> None:
    """Delete an attribute of a class past what its metaclass forbids."""
    try:
        type.__delattr__(cls, name)
    except TypeError:
        delattr(cls, name)


def _own(owner: Any, name: str) -> object:
    if isinstance(owner, type):
        return getattr(owner, name) if name in _HELD_BY_TYPE else vars(owner).get(name, _ABSENT)
    if hasattr(type(_of_class(type(owner), name)), "__set__"):
        return getattr(owner, name, _ABSENT)
    held: dict[str, object] = getattr(owner, "__dict__", {})
    return held.get(name, _ABSENT)


def _of_class(cls: type, name: str) -> object:
    return next((vars(each)[name] for each in cls.__mro__ if name in vars(each)), None)


def _put(owner: Any, name: str, value: object) -> None:
    if isinstance(owner, type):
        set_on_class(owner, name, value)
    else:
        setattr(owner, name, value)


def _delete(owner: Any, name: str) -> None:
    if isinstance(owner, type):
        delete_from_class(owner, name)
    else:
        delattr(owner, name)


def _put_back(owner: Any, name: str, before: object) -> None:
    if before is not _ABSENT:
        _put(owner, name, before)
    elif _own(owner, name) is not _ABSENT:
        _delete(owner, name)


def _put_item_back(mapping: MutableMapping[Any, Any], key: object, before: object) -> None:
    if before is _ABSENT:
        mapping.pop(key, None)
    else:
        mapping[key] = before
