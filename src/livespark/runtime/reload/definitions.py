"""How the definitions of two versions of a file differ, one by one."""

import ast
from collections.abc import Iterable
from typing import Final

from livespark.runtime.reload.derived import stale_members
from livespark.runtime.reload.outline import ANNOTATIONS, UNNAMED, Definition

__all__ = ("DefinitionChanges", "by_name")

_GENERATED: Final = frozenset({
    *("__init__", "__repr__", "__eq__", "__hash__", "__lt__", "__le__", "__gt__", "__ge__", "__setattr__"),
    *("__delattr__", "__getstate__", "__setstate__", "__replace__", "__match_args__"),
    *("__dataclass_fields__", "__dataclass_params__", "__attrs_attrs__"),
})  # fmt: skip
"""What decorators of classes make from the fields."""
_OF_BASES: Final = frozenset({"__orig_bases__", "__parameters__"})


def by_name(definitions: Iterable[Definition]) -> dict[str, list[Definition]]:
    """Definitions by qualified name, in order."""
    found: dict[str, list[Definition]] = {}
    for definition in definitions:
        found.setdefault(definition.name, []).append(definition)
    return found


class DefinitionChanges:
    """Collects, from pairs of definitions, what `compare.Difference` says of them."""

    def __init__(self) -> None:
        self.bodies: dict[str, None] = {}
        self.members: dict[str, frozenset[str]] = {}
        self.changed: list[tuple[int, str]] = []
        """Line in the new file, and qualified name."""

    def note(self, definition: Definition, name: str = "") -> None:
        """Something about `definition`, or its attribute `name`, changed."""
        self.changed.append((definition.node.lineno, f"{definition.name}.{name}" if name else definition.name))

    def pair(self, old: Definition, new: Definition) -> bool:
        """Compare; -> whether the new one must be executed."""
        shells = old.shell != new.shell
        if shells:
            self.note(new)
        if old.is_class and new.is_class:
            return self._classes(old, new) or shells
        if not shells and old.body != new.body:
            self.bodies[new.name] = None
            self.note(new)
        return shells

    def _classes(self, old: Definition, new: Definition) -> bool:
        names = {
            name
            for name in old.attributes.keys() | new.attributes.keys()
            if old.attributes.get(name) != new.attributes.get(name)
        }
        names |= _changed_here(new, names)
        for name in sorted(names - {ANNOTATIONS}) or sorted(names):
            self.note(new, name)
        again = self._methods(old, new, names) or bool(names) or old.body != new.body
        if again and not names and old.body != new.body:
            self.note(new)
        names |= _not_written(old, new) if again or old.shell != new.shell else set()
        self.members[new.name] = frozenset(names - {UNNAMED})
        return again

    def _methods(self, old: Definition, new: Definition, names: set[str]) -> bool:
        """Compare what is defined in two classes; `names` gets those to be taken from the new one."""
        again = False
        olds, news = by_name(old.members), by_name(new.members)
        for name in {**olds, **news}:
            before, after = olds.get(name, []), news.get(name, [])
            if len(before) != len(after):
                self.note((after or [new])[0], "" if after else name.rpartition(".")[2])
                names.add(name.rpartition(".")[2])
                for definition in after:
                    self.take_all(definition)
                continue
            for earlier, later in zip(before, after, strict=True):
                if self.pair(earlier, later):
                    again = True
                    names |= {later.last_name} if _needs_taking(earlier, later) else set()
        return again

    def take_all(self, definition: Definition) -> None:
        """Every member of a class counts as changed, and of the classes in it."""
        if definition.is_class:
            written = {member.last_name for member in definition.members} | definition.attributes.keys()
            self.members[definition.name] = frozenset(written | _GENERATED | _OF_BASES) - {UNNAMED}
            for member in definition.members:
                self.take_all(member)

    def take_stale(self, definition: Definition, values: frozenset[str]) -> None:
        """A class is executed again: what reads a changed value at class level is taken."""
        for name, stale in stale_members(definition, values).items():
            made = _GENERATED - _written(definition) if stale and _is_decorated(definition) else frozenset()
            self.members[name] = self.members.get(name, frozenset()) | stale | made


def _needs_taking(old: Definition, new: Definition) -> bool:
    """A class in a class is matched by itself."""
    return not (old.is_class and new.is_class) or old.shell != new.shell


def _changed_here(definition: Definition, names: set[str]) -> set[str]:
    """What at class level is computed from names of the class that changed."""
    return set(stale_members(definition, frozenset(names))[definition.name]) if names else set()


def _not_written(old: Definition, new: Definition) -> set[str]:
    """What decorators and bases put into a class, where it may be different now."""
    found = set(_OF_BASES) if old.shell != new.shell else set()
    if _is_decorated(old) or _is_decorated(new):
        found |= _GENERATED - _written(new)
    return found


def _is_decorated(definition: Definition) -> bool:
    return isinstance(definition.node, ast.ClassDef) and bool(definition.node.decorator_list)


def _written(definition: Definition) -> frozenset[str]:
    return frozenset({member.last_name for member in definition.members} | definition.attributes.keys())
