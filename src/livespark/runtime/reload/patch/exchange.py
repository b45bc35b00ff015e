"""Exchanging the code of living functions, nothing being executed.

Most functions are found by walking the names of their modules. Those made inside other functions, and those that only a
container or an object holds, are found by the collector; that takes longer, so it is asked once for all of them.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from types import CellType, CodeType, FunctionType
from typing import Any, Final
from weakref import WeakKeyDictionary

from livespark.runtime.reload.codes import same
from livespark.runtime.reload.patch.base import Patching
from livespark.runtime.reload.patch.functions import cells_of, exchange_code, forward, rebuilt
from livespark.runtime.reload.patch.lineage import Lineage
from livespark.runtime.reload.patch.members import is_dispatcher, note_dispatcher
from livespark.runtime.reload.patch.search import CACHE, Place, caches_of, functions_with, walk

__all__ = ("exchange",)

_PASSING: Final = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
"""Functions that nobody can hold."""

_lineage: Final = Lineage()
_behind: Final[WeakKeyDictionary[FunctionType, CodeType]] = WeakKeyDictionary()
"""Closures that could not take the code they should have, with that code: its successor may suit them."""


def exchange(
    patch: Patching, pairs: Sequence[tuple[CodeType, CodeType]], namespaces: Sequence[Mapping[str, Any]]
) -> None:
    """Functions with the first code of a pair get the second. Caches around those that really changed are emptied.
    Dispatchers are noted, too: statements executed afterwards register implementations with them."""
    lines = [(old, [old, *_lineage.of(old)], new) for old, new in pairs]
    codes = {id(each): new for _, olds, new in lines for each in olds}
    changed = {id(each): each for old, olds, new in lines if not same(old, new) for each in olds}
    places = list(walk(namespaces))
    for place in filter(lambda place: is_dispatcher(place.found), places):
        note_dispatcher(patch, place.found)
    known = [place for place in places if type(place.found) is FunctionType and id(place.found.__code__) in codes]
    reached = {id(place.found.__code__) for place in known}
    late = [(function, code) for function, code in _behind.items() if id(code) in codes]
    hidden = functions_with(old for old in changed.values() if _may_hide(old, reached))
    others = [Place(each) for each in hidden if all(each is not place.found for place in known)]
    renewed = [place.found for place in [*known, *others] if id(place.found.__code__) in changed]
    caches = _caches(places, renewed) + caches_of(place.found for place in others)
    for place in [*known, *others]:
        _renew(patch, place, codes[id(place.found.__code__)])
    for function, code in late:
        _renew(patch, Place(function), codes[id(code)])
    for old, new in pairs:
        if id(old) not in changed and _may_hide(old, reached):
            _lineage.note(old, new)
    for cache in caches:
        cache.cache_clear()
        patch.undo.later(cache.cache_clear)


def _may_hide(code: CodeType, reached: set[int]) -> bool:
    return not code.co_name.startswith(_PASSING) and ("<locals>" in code.co_qualname or id(code) not in reached)


def _caches(places: list[Place], functions: list[FunctionType]) -> list[Any]:
    renewed = set(map(id, functions))
    caches: list[Any] = [place.found for place in places if isinstance(place.found, CACHE)]
    return [cache for cache in caches if id(cache.__wrapped__) in renewed]


def _renew(patch: Patching, place: Place, code: CodeType) -> None:
    function: FunctionType = place.found
    _note_behind(patch, function, None)
    if _loses_defaults(function, code):
        _leave_behind(patch, function, code, "the new one has other parameters, and it would mix up its defaults")
        return
    if function.__code__.co_freevars == code.co_freevars:
        exchange_code(patch.undo, function, code)
        return
    successor = rebuilt(function, code, _class_cell(place, code))
    if successor is None:
        _leave_behind(patch, function, code, _missing(function, code))
        return
    if place.owner is not None and place.name:
        patch.undo.set_attribute(place.owner, place.name, successor)
    forward(patch.undo, function, successor)


def _loses_defaults(function: FunctionType, code: CodeType) -> bool:
    """Whether defaults would go to other parameters than theirs. What is not inside a function is executed again, and
    gets its new defaults then."""
    if "<locals>" not in code.co_qualname or not function.__defaults__:
        return False
    before = function.__code__
    return before.co_varnames[: before.co_argcount] != code.co_varnames[: code.co_argcount]


def _leave_behind(patch: Patching, function: FunctionType, code: CodeType, reason: str) -> None:
    _note_behind(patch, function, code)
    patch.notes.append(f"a living {function.__qualname__} goes on with its old code: {reason}")


def _note_behind(patch: Patching, function: FunctionType, code: CodeType | None) -> None:
    """`code`: what the function should have; None: it has what it should."""
    if (before := _behind.get(function)) is not code:
        _put_behind(function, code)
        patch.undo.later(partial(_put_behind, function, before))


def _put_behind(function: FunctionType, code: CodeType | None) -> None:
    if code is None:
        _behind.pop(function, None)
    else:
        _behind[function] = code


def _class_cell(place: Place, code: CodeType) -> dict[str, CellType]:
    """The cell by which `super()` knows the class; none where the function is not known to be a method."""
    owner = place.owner
    if owner is None or code.co_qualname != f"{owner.__qualname__}.{code.co_name}":
        return {}
    return {"__class__": CellType(owner)}


def _missing(function: FunctionType, code: CodeType) -> str:
    missing = ", ".join(sorted(set(code.co_freevars) - dict(cells_of(function)).keys()))
    return f"the new one uses {missing}, which did not exist when it was made"
