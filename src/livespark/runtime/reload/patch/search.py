"""Finding what lives: functions by walking the names of modules, and what the collector knows to refer to something.

The walk looks into what is made of functions: classes of the project, methods, properties, wrappers with their
closures, caches, registries. It does not look into containers and objects; the collector finds what is there.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CodeType, FunctionType, MethodType
from typing import Any, Final, NamedTuple, TypeAlias

from livespark.runtime.reload.patch.collector import referrers
from livespark.runtime.reload.patch.functions import cells_of, content

__all__ = ("CACHE", "Place", "caches_of", "functions_in", "functions_with", "parts_of", "replace_in_containers", "walk")

CACHE: Final[type] = type(functools.lru_cache(len))
Cache: TypeAlias = Any
_YIELDED: Final = frozenset({FunctionType, CACHE})


_OF_CLASS: Final = {"__module__", "__doc__"}
"""Names that only the dictionary of a class has, which must not be changed behind its back."""


class Place(NamedTuple):
    """A function or a cache around one. `owner`: the class it is part of; `name`: by which that holds it itself."""

    found: Any
    owner: type | None = None
    name: str = ""


def functions_in(names: Mapping[str, Any]) -> Iterator[FunctionType]:
    """The functions that a module's names lead to, each once."""
    return (place.found for place in walk([names]) if type(place.found) is FunctionType)


def walk(namespaces: Iterable[Mapping[str, Any]]) -> Iterator[Place]:
    """Functions and caches that the names of modules lead to, each once. Nothing may be changed meanwhile."""
    spaces = list(namespaces)
    modules = {names.get("__name__") for names in spaces}
    ahead = [Place(value) for names in spaces for value in names.values()]
    seen: set[int] = set()
    while ahead:
        place = ahead.pop()
        value = place.found
        if id(value) in seen:
            continue
        seen.add(id(value))
        if type(value) in _YIELDED:
            yield place
        if not issubclass(type(value), type):
            ahead += [Place(part, place.owner) for part in parts_of(value)]
        elif getattr(value, "__module__", None) in modules:
            ahead += [Place(item, value, name) for name, item in vars(value).items()]


def parts_of(value: object) -> Iterable[Any]:
    """The functions, classes and wrappers that something made of functions consists of."""
    for cls in type(value).__mro__:
        if (parts := _PARTS.get(cls)) is not None:
            return parts(value)
    return ()


def _function_parts(value: FunctionType) -> list[Any]:
    held = [content(cell) for _, cell in cells_of(value)] if value.__closure__ else []
    if attributes := vars(value):
        held += [each for name, each in attributes.items() if name != "registry"]
        held += (attributes.get("registry") or {}).values() if _is_dispatcher(attributes) else ()
    return held


def _is_dispatcher(attributes: Mapping[str, Any]) -> bool:
    return "dispatch" in attributes and isinstance(attributes.get("registry"), Mapping)


def _wrapped(value: Any) -> tuple[Any, ...]:
    return (value.__wrapped__,)


def _attributed(value: Any) -> tuple[Any, ...]:
    """What an object of a decorator's class has been given by `functools.update_wrapper`."""
    try:
        attributes = value.__dict__
    except Exception:  # no attributes, or a proxy that stands for nothing at the moment
        return ()
    return (attributes["__wrapped__"],) if type(attributes) is dict and "__wrapped__" in attributes else ()


_PARTS: Final[dict[type, Callable[[Any], Iterable[Any]]]] = {
    FunctionType: _function_parts,
    MethodType: lambda value: (value.__func__,),
    staticmethod: lambda value: (value.__func__,),
    classmethod: lambda value: (value.__func__,),
    property: lambda value: (value.fget, value.fset, value.fdel),
    functools.cached_property: lambda value: (value.func,),
    functools.partial: lambda value: (value.func,),
    functools.partialmethod: lambda value: (value.func,),
    functools.singledispatchmethod: lambda value: (value.dispatcher, value.func),
    CACHE: _wrapped,
    type: lambda _: (),
    object: _attributed,
}


def functions_with(codes: Iterable[CodeType]) -> list[FunctionType]:
    """The living functions that run one of the codes, wherever they are. About 10 ms with torch loaded."""
    wanted = list(codes)
    known = set(map(id, wanted))
    holders = referrers(*wanted) if wanted else []
    return [each for each in holders if isinstance(each, FunctionType) and id(each.__code__) in known]


def caches_of(functions: Iterable[FunctionType]) -> list[Cache]:
    """The `lru_cache`s around the functions. About 10 ms with torch loaded."""
    wanted = list(functions)
    return [each for each in referrers(*wanted) if type(each) is CACHE] if wanted else []


def replace_in_containers(former: object, latter: object) -> None:
    """Lists, dictionaries and sets hold `latter` where they held `former`; not both."""
    for holder in referrers(former):
        if (replace := _REPLACE.get(type(holder))) is not None:
            replace(holder, former, latter)


def _replace_in_list(holder: list[Any], former: object, latter: object) -> None:
    if any(each is latter for each in holder):
        holder[:] = [each for each in holder if each is not former]
    else:
        holder[:] = [latter if each is former else each for each in holder]


def _replace_in_dict(holder: dict[Any, Any], former: object, latter: object) -> None:
    if holder.keys() >= _OF_CLASS:
        return
    for key in [key for key, value in holder.items() if value is former]:
        holder[key] = latter
    if former in holder:
        holder[latter] = holder.pop(former)


def _replace_in_set(holder: set[Any], former: object, latter: object) -> None:
    if former in holder:
        holder.remove(former)
        holder.add(latter)


_REPLACE: Final[dict[type, Callable[[Any, object, object], None]]] = {
    list: _replace_in_list,
    dict: _replace_in_dict,
    set: _replace_in_set,
}
