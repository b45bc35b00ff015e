"""Declared types and what comes from outside: each type hint has a `Form`, which describes and accepts values.

The table at the end is in order of precedence. Hints that say nothing we know (other classes, protocols, unresolved
names) accept anything; the function itself will complain.
"""

from collections import deque
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
)
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType
from typing import Any, Final, get_args, get_origin

import msgspec

from livespark.protocol.live import Shape
from livespark.protocol.shapes import check, show
from livespark.runtime.exposed.hints import annotated, bounded, class_hints, members, strip
from livespark.runtime.exposed.scalar_forms import SCALAR_FORMS, Form, constant, is_class

__all__ = ("accept", "is_known", "shape_of")

_DEEPEST: Final = 8
"""Levels of a hint that are described; a recursive alias would never end."""


def shape_of(hint: Any, depth: int = 0) -> Shape:
    """What clients are told about a place that is declared as `hint`."""
    bare, metadata = strip(hint)
    if depth > _DEEPEST:
        return Shape("any")
    return bounded(_form(bare).shape(bare, depth), metadata)


def accept(hint: Any, value: Any) -> Any:
    """`value` (decoded JSON) as an instance of `hint`. Raises ValueError with what it must be."""
    bare, metadata = strip(hint)
    return _form(bare).accept(bare, metadata, value)


def is_known(hint: Any) -> bool:
    """Whether `hint` says what a value must be."""
    bare = strip(hint)[0]
    if options := members(bare):
        return all(map(is_known, options))
    return _form(bare) is not _ANYTHING


def _form(bare: Any) -> Form:
    return next(form for form in _FORMS if form.matches(bare))


# unions
def _union_shape(bare: Any, depth: int) -> Shape:
    options = [shape_of(option, depth + 1) for option in members(bare) if option is not NoneType]
    nullable = NoneType in members(bare)
    kinds = {option.type for option in options}
    if len(options) == 1:
        return msgspec.structs.replace(options[0], nullable=nullable or options[0].nullable)
    if kinds == {"choice"}:
        return Shape("choice", choices=[c for option in options for c in option.choices], nullable=nullable)
    return Shape("float" if kinds == {"int", "float"} else "any", nullable=nullable)


def _accept_union(bare: Any, metadata: tuple[Any, ...], value: Any) -> Any:
    results, problems = [], []
    for option in members(bare):
        try:
            results.append(accept(annotated(option, metadata if option is not NoneType else ()), value))
        except ValueError as error:
            if option is not NoneType:
                problems.append(str(error))
    if not results:
        raise ValueError("; or ".join(dict.fromkeys(problems)))
    return next((result for result in results if type(result) is type(value)), results[0])


# collections
_COLLECTIONS: Final[Mapping[Any, Callable[[Iterable[Any]], Any]]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    deque: deque,
    Sequence: list,
    MutableSequence: list,
    Collection: list,
    Iterable: list,
    AbstractSet: set,
    MutableSet: set,
}


def _collection_shape(bare: Any, depth: int) -> Shape:
    items = _item_hints(bare, 1)
    return (
        Shape("list", item=shape_of(items[0], depth + 1))
        if items and items.count(items[0]) == len(items)
        else Shape("list")
    )


def _accept_collection(bare: Any, _: tuple[Any, ...], value: Any) -> Any:
    given = check(Shape("list"), value)
    hints = _item_hints(bare, len(given))
    if hints is not None and len(hints) != len(given):
        raise ValueError(f"must be a list of {len(hints)}, not of {len(given)}")
    if hints is not None:
        given = [_part(hint, item, f"item {i}") for i, (hint, item) in enumerate(zip(hints, given, strict=True))]
    try:
        return _COLLECTIONS[get_origin(bare) or bare](given)
    except TypeError as error:
        raise ValueError(f"must be a list of hashable items: {error}") from None


def _item_hints(bare: Any, count: int) -> list[Any] | None:
    """One hint for every item, or None where nothing is declared about items."""
    arguments = get_args(bare)
    if not arguments:
        return None
    if get_origin(bare) is tuple and arguments[-1] is not ...:
        return [] if arguments == ((),) else list(arguments)
    return [arguments[0]] * count


def _mapping_shape(bare: Any, depth: int) -> Shape:
    arguments = get_args(bare)
    return Shape("dict", item=shape_of(arguments[1], depth + 1) if len(arguments) == 2 else None)


def _accept_mapping(bare: Any, _: tuple[Any, ...], value: Any) -> dict[Any, Any]:
    given = check(Shape("dict"), value)
    arguments = get_args(bare)
    if len(arguments) != 2:
        return dict(given)
    return {_key(arguments[0], k): _part(arguments[1], v, f"item {show(k)}") for k, v in given.items()}


def _key(hint: Any, key: str) -> Any:
    bare = strip(hint)[0]
    if bare not in (int, float):
        return _part(hint, key, "the name")
    try:
        return bare(key)
    except ValueError:
        raise ValueError(f"must have numbers as names, not {show(key)}") from None


def _part(hint: Any, value: Any, name: str) -> Any:
    try:
        return accept(hint, value)
    except ValueError as error:
        raise ValueError(f"{name} {error}" if str(error).startswith("must") else f"{name}: {error}") from None


# records
def _accept_dataclass(bare: type, _: tuple[Any, ...], value: Any) -> Any:
    wanted = {field.name: field for field in fields(bare) if field.init}
    needed = [n for n, f in wanted.items() if f.default is MISSING and f.default_factory is MISSING]
    return _build(bare, _accept_record(bare, set(wanted), needed, value))


def _accept_typed_dict(bare: Any, _: tuple[Any, ...], value: Any) -> dict[str, Any]:
    return _accept_record(bare, set(class_hints(bare)), list(bare.__required_keys__), value)


def _accept_named_tuple(bare: Any, _: tuple[Any, ...], value: Any) -> Any:
    names: tuple[str, ...] = bare._fields
    positional = isinstance(value, list | tuple) and len(value) <= len(names)
    given = dict(zip(names, value, strict=False)) if positional else value
    needed = [name for name in names if name not in bare._field_defaults]
    return _build(bare, _accept_record(bare, set(names), needed, given))


def _accept_record(bare: type, names: set[str], needed: Sequence[str], value: Any) -> dict[str, Any]:
    given = check(Shape("dict"), value)
    if missing := [name for name in needed if name not in given]:
        raise ValueError(f"must have {missing[0]!r} to be a {bare.__name__}")
    if unknown := [name for name in given if name not in names]:
        raise ValueError(f"must be a {bare.__name__}, which has no {unknown[0]!r}")
    hints = class_hints(bare)
    return {name: _part(hints.get(name, Any), item, name) for name, item in given.items()}


def _build(bare: Any, arguments: dict[str, Any]) -> Any:
    try:
        return bare(**arguments)
    except Exception as error:
        raise ValueError(f"must be a valid {bare.__name__}: {error}") from None


# which hint has which form
def _is_collection(bare: Any) -> bool:
    origin = get_origin(bare) or bare
    return isinstance(origin, type) and origin in _COLLECTIONS


def _is_mapping(bare: Any) -> bool:
    origin = get_origin(bare) or bare
    return origin is dict or origin is Mapping or origin is MutableMapping


def _is_named_tuple(bare: Any) -> bool:
    return is_class(bare, tuple) and hasattr(bare, "_fields")


_ANYTHING: Final = Form(lambda _: True, constant(Shape("any")), lambda _bare, _metadata, value: value)
_RECORD: Final = constant(Shape("dict"))
_FORMS: Final[tuple[Form, ...]] = (
    Form(lambda bare: bool(members(bare)), _union_shape, _accept_union),
    *SCALAR_FORMS,
    Form(_is_collection, _collection_shape, _accept_collection),
    Form(_is_mapping, _mapping_shape, _accept_mapping),
    Form(lambda bare: isinstance(bare, type) and is_dataclass(bare), _RECORD, _accept_dataclass),
    Form(lambda bare: hasattr(bare, "__required_keys__"), _RECORD, _accept_typed_dict),
    Form(_is_named_tuple, constant(Shape("list")), _accept_named_tuple),
    _ANYTHING,
)
