"""The content of Python's own containers and objects: the references in them, kept and put back into the same object.

All of it goes past what a class does when an item or an attribute is set: nothing of the user's is executed.
"""

from array import array
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from functools import partial
from operator import is_
from types import MemberDescriptorType, MethodType
from typing import Any, Final, TypeAlias

__all__ = ("is_object", "keep", "parts")

_Restore: TypeAlias = Callable[[], object]
_MISSING: Final = object()


def is_object(value: object) -> bool:
    """Whether the value has attributes of its own."""
    return _attributes(value) is not None or any(True for _ in _slots(type(value)))


def keep(value: Any) -> Iterator[_Restore]:
    """Keep the content of this one object. -> what puts it back."""
    if isinstance(value, dict):
        yield _keep_dict(value)
    elif isinstance(value, list | deque):
        yield partial(_restore_sequence, value, tuple(value))
    elif isinstance(value, bytearray | array):
        yield partial(value.__setitem__, slice(None), value[:])
    elif isinstance(value, set):
        yield partial(_restore_set, value, set.copy(value))
    if (attributes := _attributes(value)) is not None:
        yield _keep_dict(attributes)
    if slots := list(_slots(type(value))):
        yield partial(_restore_slots, value, {slot: _slot(value, slot) for slot in slots})


def parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What the object refers to, with what a person writes to get there."""
    if isinstance(value, MethodType):
        yield "", value.__self__
        return
    if isinstance(value, dict):
        for key, item in dict.items(value):
            yield f"[{key!r:.40}]" if isinstance(key, str | int) else "[...]", item
            yield ".keys()", key
    elif isinstance(value, list | deque | tuple | set | frozenset):
        yield from ((f"[{index}]", item) for index, item in enumerate(value))
    elif isinstance(value, partial):
        yield from (("", part) for part in (value.func, value.args, value.keywords))
    yield from ((f".{name}", part) for name, part in (_attributes(value) or {}).items())
    yield from ((f".{slot.__name__}", _slot(value, slot)) for slot in _slots(type(value)))


def _attributes(value: object) -> dict[str, Any] | None:
    if not type(value).__dictoffset__ or isinstance(value, MethodType):
        return None
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return attributes if isinstance(attributes, dict) else None


def _slots(cls: type) -> Iterator[MemberDescriptorType]:
    for base in cls.__mro__:
        if "__slots__" in vars(base):
            yield from (slot for slot in vars(base).values() if isinstance(slot, MemberDescriptorType))


def _slot(value: object, slot: MemberDescriptorType) -> Any:
    try:
        return slot.__get__(value)
    except AttributeError:
        return _MISSING


def _restore_slots(value: object, kept: dict[MemberDescriptorType, Any]) -> None:
    for slot, content in kept.items():
        if content is not _MISSING:
            slot.__set__(value, content)
        elif _slot(value, slot) is not _MISSING:
            slot.__delete__(value)


def _keep_dict(value: dict[Any, Any]) -> _Restore:
    kind = OrderedDict if isinstance(value, OrderedDict) else dict
    return partial(_restore_dict, kind, value, dict(kind.items(value)))


def _restore_dict(kind: type[dict[Any, Any]], value: dict[Any, Any], kept: dict[Any, Any]) -> None:
    """With the keys in the same order."""
    present = [part for pair in kind.items(value) for part in pair]
    if not _same(present, [part for pair in kept.items() for part in pair]):
        kind.clear(value)
        for key, item in kept.items():
            kind.__setitem__(value, key, item)


def _restore_sequence(value: list[Any] | deque[Any], kept: tuple[Any, ...]) -> None:
    if _same(value, kept):
        return
    if isinstance(value, deque):
        deque.clear(value)
        deque.extend(value, kept)
    else:
        list.__setitem__(value, slice(None), kept)


def _restore_set(value: set[Any], kept: set[Any]) -> None:
    """From a set, because its order then is the same, except where items had been taken out of a large one before."""
    if not _same(tuple(value), tuple(kept)):
        set.clear(value)
        set.update(value, kept)


def _same(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(map(is_, one, other))
