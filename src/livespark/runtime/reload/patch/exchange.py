"""Exchanging the code of living functions, nothing being executed.

Most functions are found by walking the names of their modules. Those made inside other functions, and those that only a
container or an object holds, are found by the collector; that takes longer, so it is asked once for all of them.
"""

from collections.abc import Mapping, Sequence
from types import CellType, CodeType, FunctionType
from typing import Any, Final

from livespark.runtime.reload.codes import same
from livespark.runtime.reload.patch.base import Patching
from livespark.runtime.reload.patch.functions import cells_of, exchange_code, forward, rebuilt
from livespark.runtime.reload.patch.members import is_dispatcher, note_dispatcher
from livespark.runtime.reload.patch.search import CACHE, Place, caches_of, functions_with, walk

__all__ = ("exchange",)

_PASSING: Final = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
"""Functions that nobody can hold."""


def exchange(
    patch: Patching, pairs: Sequence[tuple[CodeType, CodeType]], namespaces: Sequence[Mapping[str, Any]]
) -> None:
    """Functions with the first code of a pair get the second. Caches around those that really changed are emptied.
    Dispatchers are noted, too: statements executed afterwards register implementations with them."""
    codes = {id(old): new for old, new in pairs}
    changed = {id(old): old for old, new in pairs if not same(old, new)}
    places = list(walk(namespaces))
    for place in filter(lambda place: is_dispatcher(place.found), places):
        note_dispatcher(patch, place.found)
    known = [place for place in places if type(place.found) is FunctionType and id(place.found.__code__) in codes]
    reached = {id(place.found.__code__) for place in known}
    hidden = functions_with(old for old in changed.values() if _may_hide(old, reached))
    others = [Place(each) for each in hidden if all(each is not place.found for place in known)]
    renewed = [place.found for place in [*known, *others] if id(place.found.__code__) in changed]
    caches = _caches(places, renewed) + caches_of(place.found for place in others)
    for place in [*known, *others]:
        _renew(patch, place, codes[id(place.found.__code__)])
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
    if function.__code__.co_freevars == code.co_freevars:
        exchange_code(patch.undo, function, code)
        return
    successor = rebuilt(function, code, _class_cell(place, code))
    if successor is None:
        patch.notes.append(_note(function, code))
        return
    if place.owner is not None and place.name:
        patch.undo.set_attribute(place.owner, place.name, successor)
    forward(patch.undo, function, successor)


def _class_cell(place: Place, code: CodeType) -> dict[str, CellType]:
    """The cell by which `super()` knows the class; none where the function is not known to be a method."""
    owner = place.owner
    if owner is None or code.co_qualname != f"{owner.__qualname__}.{code.co_name}":
        return {}
    return {"__class__": CellType(owner)}


def _note(function: FunctionType, code: CodeType) -> str:
    known = dict(cells_of(function))
    missing = ", ".join(sorted(set(code.co_freevars) - known.keys()))
    return (
        f"a living {function.__qualname__} goes on with its old code: "
        f"the new one uses {missing}, which did not exist when it was made"
    )
