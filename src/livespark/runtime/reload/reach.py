"""Whether some values can come to execute a changed definition: found without executing anything.

From the values' classes, functions and attributes it goes on through the global names that code of the project uses. It
says yes too often rather than too seldom: code that uses an attribute of the name of a changed definition reaches it,
whatever the object may be.
"""

import gc
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from functools import cached_property, partial
from itertools import islice
from os.path import realpath
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final

from livespark.runtime.reload import contents

__all__ = ("Reach",)

_PLAIN: Final = frozenset({int, float, str, bool, type(None), bytes, complex, range, CodeType, ModuleType})
_LIBRARIES: Final = ("site-packages", "dist-packages")
_STANDARD: Final = tuple(realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
_LAMBDA: Final = "<lambda>"
_OPAQUE: Final = ("builtins", "functools", "itertools", "operator")
"""Where objects come from some of which do not tell what they hold: iterators, getters."""
_CONTAINERS: Final = (dict, list, tuple, set, frozenset)
_DEEPEST: Final = 40
_MOST_ITEMS: Final = 100
_MOST_VALUES: Final = 20_000
"""Where there are more, the answer is yes."""


class Reach:
    """What leads to the `changed` definitions: (file, qualified name)."""

    def __init__(self, changed: Set[tuple[str, str]]) -> None:
        self._changed = {(realpath(file), name) for file, name in changed}
        self._names = frozenset(name.rpartition(".")[2] for _, name in changed)
        self._files = frozenset(file for file, _ in self._changed)
        self._owners = frozenset((file, name.rpartition(".")[0]) for file, name in self._changed)
        self._seen: dict[int, object] = {}
        self._open: list[tuple[Any, int]] = []

    def of(self, values: Iterable[object]) -> bool:
        """Whether one of the values may execute one of the definitions."""
        self._seen.clear()
        self._open = [(value, 0) for value in values]
        while self._open:
            value, depth = self._open.pop()
            if type(value) in _PLAIN or id(value) in self._seen or depth > _DEEPEST:
                continue
            self._seen[id(value)] = value
            if len(self._seen) > _MOST_VALUES or self._is_changed(value):
                return True
            self._open += [(part, depth + 1) for part in self._parts(value)]
        return False

    def _is_changed(self, value: Any) -> bool:
        if isinstance(value, FunctionType):
            return any(self._concerns(code) for code in _codes(value.__code__))
        if isinstance(value, type):
            names = [(_file(base), base.__qualname__) for base in value.__mro__]
            return not (self._changed.isdisjoint(names) and self._owners.isdisjoint(names))
        return False

    def _concerns(self, code: CodeType) -> bool:
        """Also a function made by one of them, a lambda that may stand in a changed statement, and what finds one of
        them by its name."""
        file, name = realpath(code.co_filename), code.co_qualname
        if file in self._files and ((file, name.partition(".<locals>")[0]) in self._changed or name == _LAMBDA):
            return True
        is_unnamed = self._names.isdisjoint(code.co_names) and self._names.isdisjoint(_texts(code))
        return _is_project(file) and not is_unnamed

    def _parts(self, value: Any) -> Iterator[Any]:
        for kind, parts in _PARTS.items():
            if isinstance(value, kind):
                yield from parts(value)
                break
        else:
            yield type(value)
            if type(value).__module__ in _OPAQUE and not isinstance(value, _CONTAINERS):
                yield from gc.get_referents(value)
        if not isinstance(value, type):
            yield from (part for _, part in islice(contents.parts(value), _MOST_ITEMS))


def _of_function(function: FunctionType) -> Iterator[Any]:
    yield from (cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell))
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    if _is_project(realpath(function.__code__.co_filename)):
        names = {name for code in _codes(function.__code__) for name in (*code.co_names, *_texts(code))}
        yield from _named(names, function.__globals__)


def _of_class(cls: type) -> Iterator[Any]:
    for base in cls.__mro__:
        if _is_project(_file(base)):
            yield from vars(base).values()


_PARTS: Final[Mapping[type, Callable[[Any], Iterable[Any]]]] = {
    FunctionType: _of_function,
    type: _of_class,
    MethodType: lambda method: (method.__func__,),
    staticmethod: lambda method: (method.__func__,),
    classmethod: lambda method: (method.__func__,),
    property: lambda found: (found.fget, found.fset, found.fdel),
    cached_property: lambda found: (found.func,),
    partial: lambda _: (),
}


def _named(names: Set[str], space: Mapping[str, Any]) -> Iterator[Any]:
    """What the names mean in a module: its globals, what it has of modules, what functions import for themselves."""
    package = space.get("__package__") or ""
    for name in names:
        found = space[name] if name in space else sys.modules.get(f"{package}.{name}", sys.modules.get(name))
        if isinstance(found, ModuleType):
            yield from (vars(found)[other] for other in names & vars(found).keys() if _is_project(_path(found)))
        else:
            yield found


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _texts(code: CodeType) -> Iterator[str]:
    """What may be a name: `getattr(module, "name")`, `import_module("package.module")`."""
    return (constant for constant in code.co_consts if isinstance(constant, str) and _is_name(constant))


def _is_name(text: str) -> bool:
    return text.replace(".", "_").isidentifier()


def _file(cls: type) -> str:
    return _path(sys.modules.get(cls.__module__))


def _path(module: object) -> str:
    path = getattr(module, "__file__", None)
    return realpath(path) if isinstance(path, str) else ""


def _is_project(file: str) -> bool:
    return bool(file) and not (file.startswith(_STANDARD) or any(part in file for part in _LIBRARIES))


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False
