"""Functions take over the code of their successors.

A function keeps its object and takes code, defaults, annotations, attributes and the contents of its closure. If the
closure has another shape, or the globals are others, the new function takes its place and the old one forwards to it.
"""

import builtins
import gc
import sys
import warnings
from collections.abc import Iterator, Mapping
from functools import partial
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, Final

from livespark.runtime.reload.patch.base import Patching
from livespark.runtime.reload.patch.forwarders import forwarders_to, forwarding_code, kind, note_forwarder
from livespark.runtime.reload.undo import Undo

__all__ = ("cells_of", "content", "exchange_code", "fits", "forward", "rebuilt", "take_function")

_EMPTY: Final = object()
_HAS_DOCSTRING: Final = 0x4000000
"""`CO_HAS_DOCSTRING`, since Python 3.13; before, the first constant is the docstring or None."""
_ANNOTATIONS: Final = "__annotate__" if "__annotate__" in vars(FunctionType) else "__annotations__"
_TAKEN: Final = tuple(
    name
    for name in (
        "__defaults__",
        "__kwdefaults__",
        _ANNOTATIONS,
        "__doc__",
        "__name__",
        "__qualname__",
        "__module__",
        "__type_params__",
    )
    if name in vars(FunctionType)
)
_REACH: Final = 10_000
"""How many objects are looked at to find out whether a function holds another."""


def fits(old: FunctionType, new: FunctionType) -> bool:
    """Whether the old function can do with its closure and globals what the new one does."""
    return old.__globals__ is new.__globals__ and old.__code__.co_freevars == new.__code__.co_freevars


def take_function(patch: Patching, old: FunctionType, new: FunctionType) -> FunctionType:
    """The function that takes the place of both: `old` where it fits, else `new`."""
    if not fits(old, new):
        _release(old, new)
        if not _holds(new, old):
            forward(patch.undo, old, new)
        return new
    _release(old, new)
    exchange_code(patch.undo, old, new.__code__)
    for name in _TAKEN:
        _take_attribute(patch.undo, old, new, name)
    _take_dict(patch, old, new)
    _take_cells(patch, old, new)
    return old


def exchange_code(undo: Undo, function: FunctionType, code: CodeType) -> None:
    """Give the function another code object, of the same free variables."""
    before = function.__code__
    if before is code:
        return
    if function.__doc__ == docstring(before) != docstring(code):
        undo.set_attribute(function, "__doc__", docstring(code))
    _put_code(function, code)
    undo.later(partial(_put_code, function, before))


def docstring(code: CodeType) -> str | None:
    """The text at the top of a function's body; None where there is none."""
    first = code.co_consts[0] if code.co_consts else None
    has_one = sys.version_info < (3, 13) or bool(code.co_flags & _HAS_DOCSTRING)
    return first if has_one and isinstance(first, str) else None


def _put_code(function: FunctionType, code: CodeType) -> None:
    if kind(function.__code__) == kind(code):
        function.__code__ = code
        return
    with warnings.catch_warnings():  # Python 3.13 warns where a plain function becomes a generator
        warnings.simplefilter("ignore", DeprecationWarning)
        function.__code__ = code


def forward(undo: Undo, old: FunctionType, target: FunctionType) -> None:
    """Whoever holds `old`, or what forwarded to it, calls `target` from now on."""
    for each in (*forwarders_to(old), old):
        exchange_code(undo, each, forwarding_code(each, target))
        note_forwarder(each, target)
        for name in _TAKEN:
            if name not in ("__defaults__", "__kwdefaults__"):
                _take_attribute(undo, each, target, name)
        undo.set_attribute(each, "__defaults__", None)
        undo.set_attribute(each, "__kwdefaults__", None)
        undo.set_attribute(each, "__dict__", {**vars(target), "__wrapped__": target})


def rebuilt(old: FunctionType, code: CodeType, cells: Mapping[str, CellType]) -> FunctionType | None:
    """A function like `old` with other code, whose free variables are found in `old` or in `cells`; None if not."""
    known = {**cells, **dict(cells_of(old))}
    if not known.keys() >= set(code.co_freevars):
        return None
    closure = tuple(known[name] for name in code.co_freevars)
    return _like(old, code, closure)


def cells_of(function: FunctionType) -> Iterator[tuple[str, CellType]]:
    """The free variables of a function."""
    return zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)


def content(cell: CellType) -> Any:
    """What is in a cell; something that is nothing else if it is empty."""
    try:
        return cell.cell_contents
    except ValueError:
        return _EMPTY


def _like(old: FunctionType, code: CodeType, closure: tuple[CellType, ...]) -> FunctionType:
    made = FunctionType(code, old.__globals__, old.__name__, old.__defaults__, closure)
    made.__kwdefaults__ = old.__kwdefaults__
    for name in _TAKEN:
        setattr(made, name, getattr(old, name))
    vars(made).update(vars(old))
    return made


def _take_attribute(undo: Undo, old: FunctionType, new: FunctionType, name: str) -> None:
    if (value := getattr(new, name)) is not getattr(old, name):
        undo.set_attribute(old, name, value)


def _take_dict(patch: Patching, old: FunctionType, new: FunctionType) -> None:
    if vars(old) or vars(new):
        taken = {name: _taken(patch, vars(old).get(name), value) for name, value in vars(new).items()}
        patch.undo.set_attribute(old, "__dict__", {**vars(old), **taken})


def _take_cells(patch: Patching, old: FunctionType, new: FunctionType) -> None:
    """`__class__` stays: the old function's class is the one that lives on."""
    for (name, mine), (_, theirs) in zip(cells_of(old), cells_of(new), strict=True):
        before, after = content(mine), content(theirs)
        if name != "__class__" and before is not after:
            _put_cell(mine, old if after is new else _taken(patch, before, after))
            patch.undo.later(partial(_put_cell, mine, before))


def _taken(patch: Patching, old: object, new: object) -> object:
    """What a decorator wrapped goes on living, if it is the same definition."""
    if isinstance(old, FunctionType) and isinstance(new, FunctionType):
        same = old.__code__.co_qualname == new.__code__.co_qualname
        return patch.adopt(old, new) if same else new
    return patch.adopt(old, new) if isinstance(old, type) and isinstance(new, type) else new


def _put_cell(cell: CellType, value: object) -> None:
    if value is _EMPTY:
        del cell.cell_contents
    else:
        cell.cell_contents = value


def _release(old: FunctionType, new: FunctionType) -> None:
    """Where the new function calls the old one, which is about to become it, give it a copy of the old one."""
    copy = None
    for function in _chain(new):
        for _, cell in cells_of(function):
            if content(cell) is old:
                copy = copy or _like(old, old.__code__, old.__closure__ or ())
                cell.cell_contents = copy
        if vars(function).get("__wrapped__") is old:
            copy = copy or _like(old, old.__code__, old.__closure__ or ())
            vars(function)["__wrapped__"] = copy


def _chain(function: FunctionType) -> list[FunctionType]:
    """The function, and those in its closure and theirs."""
    found = [function]
    for each in found:
        inner = [content(cell) for _, cell in cells_of(each)]
        found += [other for other in inner if isinstance(other, FunctionType) and other not in found]
    return found


def _holds(new: FunctionType, old: FunctionType) -> bool:
    """Whether the new function can reach the old one other than by a global name. In doubt, yes."""
    seen: dict[int, object] = {}
    ahead: list[object] = [new.__closure__, new.__dict__, new.__defaults__, new.__kwdefaults__]
    while ahead and len(seen) < _REACH:
        value = ahead.pop()
        if value is old:
            return True
        if id(value) not in seen and not _is_world(value):
            seen[id(value)] = value
            ahead += gc.get_referents(value)
    return bool(ahead)


def _is_world(value: object) -> bool:
    """A module, its names, or a class: leads everywhere, and is no part of a function."""
    if isinstance(value, dict):
        return "__builtins__" in value or value is vars(builtins)
    return isinstance(value, ModuleType | type)
