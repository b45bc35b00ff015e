"""What an initializer of a persisted value does, as far as it can be told without calling it.

Two of the same fingerprint make the same: same code, wherever it stands, and same plain values that the code gets from
outside (globals, closure, defaults).
"""

import functools
from collections.abc import Callable, Mapping
from types import CodeType, FunctionType
from typing import Any, Final

__all__ = ("fingerprint",)

_PLAIN: Final = (str, int, float, bool, bytes, type(None))


def fingerprint(initializer: Callable[..., Any]) -> object:
    """Something to compare with `==`. Holds on to no object of the script's."""
    if isinstance(initializer, functools.partial):
        values = (*initializer.args, *initializer.keywords.items())
        return ("partial", fingerprint(initializer.func), _plain(dict(enumerate(values))))
    function = getattr(initializer, "__func__", initializer)
    if isinstance(function, FunctionType):
        return (_code(function.__code__), _plain(_surroundings(function)))
    return getattr(initializer, "__qualname__", type(initializer).__qualname__)


def _code(code: CodeType) -> object:
    constants = tuple(
        _code(each) if isinstance(each, CodeType) else (type(each), repr(each)) for each in code.co_consts
    )
    return (code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars)


def _surroundings(function: FunctionType) -> Mapping[Any, Any]:
    outside: dict[Any, Any] = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        try:
            outside[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    return {**outside, **dict(enumerate(function.__defaults__ or ())), **(function.__kwdefaults__ or {})}


def _plain(values: Mapping[Any, Any]) -> object:
    return tuple((name, type(value), repr(value)) for name, value in values.items() if isinstance(value, _PLAIN))
