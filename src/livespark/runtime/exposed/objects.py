"""Objects with attributes: dataclasses, instances of other Python classes, objects that offer bindings of their own."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from functools import cached_property
from itertools import islice
from types import MemberDescriptorType
from typing import Any, Final, get_origin, get_type_hints

from livespark.runtime.exposed.budget import Meter
from livespark.runtime.exposed.containers import exchange
from livespark.runtime.exposed.hints import class_hints
from livespark.runtime.exposed.kinds import ANYTHING, PLAIN, Change, Container, Entry, Node, Rule
from livespark.runtime.exposed.leaves import Unreadable

__all__ = ("ObjectKind", "OfferedKind", "offers")

_SCANNED: Final = 2_000
"""Attributes of one object that are looked at; most objects have a few dozen."""
_CONSTANTS: Final = (bool, int, float, str, Enum)
_LIBRARY: Final = os.path.dirname(os.__file__)  # noqa: PTH120 - compared as text with module files
_HOOK: Final = "__livespark_bindings__"


class ObjectKind(Container):
    """One instance of this for every class.

    Shown are public attributes: of the instance, of its slots, constants of the class, and, for classes that are not
    part of an installed package, properties: a library's can be slow or have effects that nobody watching expects.
    """

    def __init__(
        self,
        cls: type,
        is_hidden: Callable[[type], bool],
        *,
        without: frozenset[str] = frozenset(),
        shared: bool = True,
    ) -> None:
        self._cls = cls
        self._is_hidden = is_hidden
        self._without = without
        self._properties = _properties(cls) if shared else {}
        self._ordered = (*_slots(cls), *_constants(cls), *self._properties) if shared else ()
        self._shared = frozenset(self._ordered)
        self._frozen = bool(getattr(getattr(cls, "__dataclass_params__", None), "frozen", False))

    @cached_property
    def _hints(self) -> dict[Any, Any]:
        return class_hints(self._cls)

    def entries(self, owner: Any, limit: int, /) -> tuple[Sequence[Entry], int]:
        own = getattr(owner, "__dict__", {})
        hidden = self._is_hidden
        found = [
            (name, item)
            for name, item in list(islice(own.items(), _SCANNED))
            if name[:1] != "_" and ((cls := type(item)) in PLAIN or not hidden(cls))
        ]
        if self._without:
            found = [entry for entry in found if entry[0] not in self._without]
        if not self._shared.issubset(own):
            found += self._shared_entries(owner, own)
        return found[:limit], len(found) + max(0, len(own) - _SCANNED)

    def _shared_entries(self, owner: Any, own: Mapping[str, Any]) -> list[Entry]:
        meter = Meter()
        found = (
            (name, item)
            for name in self._ordered
            if name not in own and name not in self._without
            for item in self._read(owner, name, meter)
        )
        return [entry for entry in found if not self._is_hidden(type(entry[1]))]

    def _read(self, owner: Any, name: str, meter: Meter) -> list[Any]:
        """One attribute of the class; none for an empty slot. All properties may together take as long as one walk."""
        if name in self._properties and meter.exhausted():
            return [Unreadable("budget")]
        try:
            return [getattr(owner, name)]
        except Exception:
            return [Unreadable("error")] if name in self._properties else []

    def show(self, _owner: Any, count: int, /) -> Node:
        return {"$": "object", "type": self._cls.__name__, "n": count}

    def find(self, owner: Any, segment: str, /) -> str:
        known = segment in self._shared or segment in getattr(owner, "__dict__", {})
        if segment.startswith("_") or segment in self._without or not known:
            raise KeyError(segment)
        return segment

    def get(self, owner: Any, key: str, /) -> Any:
        return getattr(owner, key)

    def put(self, owner: Any, key: str, value: Any, /) -> Change:
        return exchange(lambda: getattr(owner, key), lambda new: setattr(owner, key, new), value)

    def rule(self, _owner: Any, key: str, _item: Any, _hint: Any, /) -> Rule:
        declared = self._hints.get(key, ANYTHING)
        attribute = self._properties.get(key)
        if self._frozen:
            return Rule(declared, f"belongs to the frozen {self._cls.__name__}")
        if attribute is not None and attribute.fset is None:
            return Rule(declared, "is computed: a property without a setter")
        if get_origin(declared) is Final or declared is Final:
            return Rule(declared, "is declared Final")
        return Rule(_property_hint(attribute, declared))


def _property_hint(attribute: property | None, declared: Any) -> Any:
    """A property's hint is what its getter returns."""
    if attribute is None or declared is not ANYTHING:
        return declared
    try:
        return get_type_hints(attribute.fget, include_extras=True).get("return", ANYTHING)
    except Exception:
        return ANYTHING


def _is_users(cls: type) -> bool:
    """Whether a class was written for this project: not part of the standard library or an installed package."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None) or ""
    return not file.startswith(_LIBRARY) and "site-packages" not in file and "dist-packages" not in file


def _attributes(classes: Iterable[type]) -> dict[str, Any]:
    """Public attributes of these classes; the most derived one counts."""
    found: dict[str, Any] = {}
    for base in classes:
        found.update(vars(base))
    return {name: item for name, item in found.items() if not name.startswith("_")}


def _bases(cls: type) -> list[type]:
    return list(reversed(cls.__mro__[:-1]))


def _slots(cls: type) -> list[str]:
    return [name for name, item in _attributes(_bases(cls)).items() if isinstance(item, MemberDescriptorType)]


def _constants(cls: type) -> list[str]:
    return [name for name, item in _attributes(_bases(cls)).items() if isinstance(item, _CONSTANTS)]


def _properties(cls: type) -> dict[str, property]:
    users = _attributes(filter(_is_users, _bases(cls)))
    return {name: item for name, item in users.items() if isinstance(item, property)}


def offers(cls: type) -> bool:
    """Whether instances say themselves what they expose: `__livespark_bindings__() -> Mapping[str, Any]`."""
    return callable(getattr(cls, _HOOK, None))


class OfferedKind(Container):
    """An object that offers bindings: functions to call and values to see."""

    calls = True

    def entries(self, owner: Any, limit: int, /) -> tuple[Sequence[Entry], int]:
        offered = getattr(owner, _HOOK)()
        return [(str(name), item) for name, item in islice(offered.items(), limit)], len(offered)

    def show(self, owner: Any, count: int, /) -> Node:
        return {"$": "object", "type": type(owner).__name__, "n": count}

    def find(self, owner: Any, segment: str, /) -> str:
        if segment not in getattr(owner, _HOOK)():
            raise KeyError(segment)
        return segment

    def get(self, owner: Any, key: str, /) -> Any:
        return getattr(owner, _HOOK)()[key]

    def rule(self, owner: Any, _key: str, _item: Any, _hint: Any, /) -> Rule:
        return Rule(read_only=f"is set by the {type(owner).__name__} alone")
