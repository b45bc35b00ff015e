"""What is made of functions, and holds them: methods, properties, caches, dispatchers."""

import functools
from types import FunctionType
from typing import Any, cast

from livespark.runtime.reload.patch.base import Patching
from livespark.runtime.reload.patch.functions import cells_of

__all__ = (
    "adopt_cache",
    "adopt_cached_property",
    "adopt_dispatcher",
    "adopt_method",
    "adopt_property",
    "is_dispatcher",
    "note_dispatcher",
)


def adopt_method(patch: Patching, old: Any, new: Any) -> Any:
    """Of a static or class method: one around the function that lives on."""
    function = patch.adopt(old.__func__, new.__func__)
    return new if function is new.__func__ else type(new)(function)


def adopt_property(patch: Patching, old: property, new: property) -> property:
    """A property of the functions that live on."""
    if type(new) is not property:
        return new
    pairs = (old.fget, new.fget), (old.fset, new.fset), (old.fdel, new.fdel)
    fget, fset, fdel = (cast("Any", patch.adopt(mine, theirs)) for mine, theirs in pairs)
    return property(fget, fset, fdel, new.__doc__)


def adopt_cached_property(
    patch: Patching, old: "functools.cached_property[Any]", new: "functools.cached_property[Any]"
) -> "functools.cached_property[Any]":
    """The new one, with the function that lives on. What objects hold already is not computed again."""
    function: Any = patch.adopt(old.func, new.func)
    new.func = function
    return new


def adopt_cache(patch: Patching, old: Any, new: Any) -> Any:
    """The old cache, emptied, where it is around the same function and of the same size; else the new one."""
    function = patch.adopt(old.__wrapped__, new.__wrapped__)
    if function is not old.__wrapped__ or old.cache_parameters() != new.cache_parameters():
        return new
    old.cache_clear()
    patch.undo.later(old.cache_clear)
    return old


def is_dispatcher(value: object) -> bool:
    """Whether this is a function made by `functools.singledispatch`."""
    return (
        isinstance(value, FunctionType) and {"dispatch", "register", "registry", "_clear_cache"} <= vars(value).keys()
    )


def adopt_dispatcher(patch: Patching, old: Any, new: Any) -> Any:
    """The old dispatcher, with the new implementations; those registered by other statements stay."""
    registry = note_dispatcher(patch, old)
    for cls, function in new.registry.items():
        registry[cls] = patch.adopt(registry.get(cls), function)
    vars(old)["__wrapped__"] = registry[object]
    old._clear_cache()
    return old


def note_dispatcher(patch: Patching, dispatcher: Any) -> dict[type, Any]:
    """When the reload is taken back, the dispatcher gets the implementations it has now. -> those, to be changed."""
    registry: dict[type, Any] = dict(cells_of(dispatcher.register))["registry"].cell_contents
    patch.undo.later(functools.partial(_put_back, dispatcher, registry, dict(registry)))
    return registry


def _put_back(dispatcher: Any, registry: dict[type, Any], before: dict[type, Any]) -> None:
    registry.clear()
    registry.update(before)
    vars(dispatcher)["__wrapped__"] = before[object]
    dispatcher._clear_cache()
