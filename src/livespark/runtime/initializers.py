"""What an initializer of a persisted value does, as far as it can be told without calling it.

Two of the same fingerprint make the same: same code, wherever it stands, and same plain values that the code gets from
outside: globals, closure, defaults, and attributes of these (`config.width`). Not attributes of objects that are kept
themselves: those change while the script runs.
"""

import dis
import functools
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any, Final

from livespark.runtime.config import Config

__all__ = ("fingerprint",)

_PLAIN: Final = (str, int, float, bool, bytes, type(None))
_NAMES: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"})
_ATTRIBUTES: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_BETWEEN: Final = frozenset({"CACHE", "PUSH_NULL", "EXTENDED_ARG"})


def fingerprint(initializer: Callable[..., Any], is_kept: Callable[[object], bool] = lambda _: False) -> object:
    """Something to compare with `==`. Holds on to no object of the script's."""
    if isinstance(initializer, functools.partial):
        values = (*initializer.args, *initializer.keywords.items())
        return ("partial", fingerprint(initializer.func, is_kept), _plain(dict(enumerate(values))))
    function = getattr(initializer, "__func__", initializer)
    if isinstance(function, FunctionType):
        return (_code(function.__code__), _plain(_surroundings(function, is_kept)))
    return getattr(initializer, "__qualname__", type(initializer).__qualname__)


def _code(code: CodeType) -> object:
    constants = tuple(
        _code(each) if isinstance(each, CodeType) else (type(each), repr(each)) for each in code.co_consts
    )
    return (code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars)


def _surroundings(function: FunctionType, is_kept: Callable[[object], bool]) -> Mapping[Any, Any]:
    names = {**function.__globals__, **_closure(function)}
    read = {path: _value(names, path, is_kept) for path in _paths(function.__code__)}
    return {**read, **dict(enumerate(function.__defaults__ or ())), **(function.__kwdefaults__ or {})}


def _closure(function: FunctionType) -> dict[str, Any]:
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    return found


def _paths(code: CodeType) -> Iterator[tuple[str, ...]]:
    """The names that the code reads, and the attributes that it reads of them: `("config", "width")`."""
    path: tuple[str, ...] = ()
    for instruction in dis.get_instructions(code):
        if instruction.opname in _NAMES:
            path = (instruction.argval,)
        elif instruction.opname in _ATTRIBUTES and path:
            path = (*path, instruction.argval)
        elif instruction.opname not in _BETWEEN:
            path = ()
        if path:
            yield path
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _paths(constant)


def _value(names: Mapping[str, Any], path: tuple[str, ...], is_kept: Callable[[object], bool]) -> object:
    """What a path leads to; None where that can't be told without executing anything of the script's."""
    value: Any = names.get(path[0])
    for attribute in path[1:]:
        held = value if isinstance(value, Config) else getattr(value, "__dict__", None)
        if not isinstance(held, Mapping) or is_kept(value):
            return None
        value = held.get(attribute)
    return value


def _plain(values: Mapping[Any, Any]) -> object:
    return tuple((name, type(value), repr(value)) for name, value in values.items() if isinstance(value, _PLAIN))
