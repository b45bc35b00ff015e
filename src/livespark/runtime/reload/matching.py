"""While code is executed again, each definition is matched with its predecessor as soon as it is executed.

A predecessor is found in what the file's names meant before: a class by its qualified name, a function by the code it
has been given. A class made inside a function has one where exactly one class of that name lives.
"""

import builtins
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any, Final

from livespark.runtime.reload.instrument import ADOPT, BIND
from livespark.runtime.reload.patch.patcher import Patcher
from livespark.runtime.reload.patch.search import functions_in

__all__ = ("Former", "Matching")

_MISSING: Final = object()


@dataclass(frozen=True)
class Former:
    """What a file's names meant before. `members`: what changed in its classes, by qualified name; None where classes
    are taken whole, because all of the file is executed. `makes`: attributes that only objects made from now on would
    have."""

    names: Mapping[str, Any]
    members: Mapping[str, frozenset[str]] | None = None
    makes: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def find(self, qualname: str) -> Any:
        """What `Net.Block` meant; None if nothing."""
        first, *rest = qualname.split(".")
        found = self.names.get(first)
        for name in rest:
            found = found.__dict__.get(name) if isinstance(found, type) else None
        return found

    def changed_members(self, qualname: str) -> frozenset[str] | None:
        """What a class takes of its successor; None: everything."""
        return None if self.members is None else self.members.get(qualname, frozenset())


class Matching:
    """The predecessors of the files that are executed again, by path. For one reload."""

    def __init__(self, patcher: Patcher) -> None:
        self._patcher = patcher
        self._former: dict[str, Former] = {}
        self._functions: dict[int, FunctionType] = {}
        self._met: set[int] = set()

    def add(self, path: str, former: Former) -> None:
        """The file at `path` is about to be executed. Its functions have their new code already."""
        self._former[path] = former
        for function in functions_in(former.names):
            self._functions[id(function.__code__)] = function

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Within, definitions are matched."""
        build, hooks = builtins.__build_class__, vars(builtins)
        hooks.update({ADOPT: self.adopt, BIND: self.bind, "__build_class__": self._builder(build)})
        try:
            yield
        finally:
            hooks.update({ADOPT: lambda function: function, BIND: lambda _file, _name, value: value})
            hooks["__build_class__"] = build

    def adopt(self, function: Any) -> Any:
        """The function that lives on where `function` has just been defined."""
        if not isinstance(function, FunctionType):
            return function
        old = self._functions.pop(id(function.__code__), None) or self._by_name(function.__code__)
        return function if old is None or old is function else self._patcher.adopt_function(old, function)

    def bind(self, file: str, name: str, value: Any) -> Any:
        """What `name` of the file is bound to from now on, where its definition has made `value`."""
        former = self._former.get(file)
        old = former.names.get(name, _MISSING) if former else _MISSING
        return value if old is _MISSING else self._patcher.adopt(old, value)

    def _by_name(self, code: CodeType) -> FunctionType | None:
        """For a function whose closure has another shape now: its predecessor could not be given the new code."""
        former = self._former.get(code.co_filename)
        found = former.find(code.co_qualname) if former else None
        found = getattr(found, "__func__", found)
        return found if isinstance(found, FunctionType) else None

    def _builder(self, build: Callable[..., Any]) -> Callable[..., Any]:
        def build_class(body: Any, name: str, /, *bases: Any, **keywords: Any) -> Any:
            made = build(body, name, *bases, **keywords)
            former = self._former.get(body.__code__.co_filename) if isinstance(body, FunctionType) else None
            return self._meet(former, body.__code__.co_qualname, made) if former and isinstance(made, type) else made

        return build_class

    def _meet(self, former: Former, qualname: str, made: type) -> type:
        old = _local(qualname, made) if "<locals>" in qualname else former.find(qualname)
        if not isinstance(old, type) or old is made or id(old) in self._met:
            return made
        self._met.add(id(old))
        kept = self._patcher.adopt_class(old, made, former.changed_members(qualname))
        if kept is old and (attributes := former.makes.get(qualname)):
            self._patcher.renew_instances(kept, attributes, self._patcher.old_source(kept))
        return kept


def _local(qualname: str, made: type) -> type | None:
    """The one living class that the same statement made before."""
    siblings: list[type] = type.__subclasses__(made.__base__ or object)
    alike = [
        each
        for each in siblings
        if each is not made and each.__qualname__ == qualname and each.__module__ == made.__module__
    ]
    return alike[0] if len(alike) == 1 else None
