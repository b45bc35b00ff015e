"""Which code object takes the place of which.

Code objects compare equal, or don't, by where they stand; here only what they do counts. Constants are
compared with their types: 1, 1.0 and True are equal, but not the same. Where lines are broken decides a few of the
compiler's instructions, so after reformatting some code is not the same, although it does the same.
"""

from collections import defaultdict
from collections.abc import Iterator
from inspect import CO_OPTIMIZED
from types import CodeType
from typing import Final

__all__ = ("functions", "match_codes", "same")

_COMPARED: Final = (
    *("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_flags", "co_name", "co_qualname"),
    *("co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_exceptiontable"),
)


def functions(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    """The qualified name and the code of everything like a function inside `code`, in order, outer ones first: lambdas
    and comprehensions included; class bodies not, but what is in them."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_flags & CO_OPTIMIZED:
                yield constant.co_qualname, constant
            yield from functions(constant)


def match_codes(old: CodeType, new: CodeType) -> list[tuple[CodeType, CodeType]]:
    """The functions inside the code of a file, and those of its next version that take their place, one to one.

    They are matched by qualified name; where several share one, those that are the same first, the rest in order.
    """
    places = defaultdict(list)
    for qualname, code in functions(new):
        places[qualname].append(code)
    groups = defaultdict(list)
    for qualname, code in functions(old):
        groups[qualname].append(code)
    return [pair for qualname, codes in groups.items() for pair in _match(codes, places[qualname])]


def _match(old: list[CodeType], new: list[CodeType]) -> list[tuple[CodeType, CodeType]]:
    if len(old) == len(new) == 1:
        return [(old[0], new[0])]
    alike = defaultdict(list)
    for code in reversed(new):
        alike[_content(code)].append(code)
    chosen = {place: alike[_content(code)].pop() for place, code in enumerate(old) if alike[_content(code)]}
    taken = {id(code) for code in chosen.values()}
    rest = (code for code in new if id(code) not in taken)
    pairs = ((code, chosen[place] if place in chosen else next(rest, None)) for place, code in enumerate(old))
    return [(code, successor) for code, successor in pairs if successor is not None]


def same(old: CodeType, new: CodeType) -> bool:
    """Whether two code objects are equal but for file name, line numbers and positions, what is inside them too."""
    return old is new or _content(old) == _content(new)


def _content(code: CodeType) -> tuple[object, ...]:
    return (*(getattr(code, name) for name in _COMPARED), *map(_constant, code.co_consts))


def _constant(value: object) -> object:
    """Something that is equal for the same constants only. Floats by their text: 0.0 and -0.0 differ."""
    if isinstance(value, CodeType):
        return _content(value)
    if isinstance(value, tuple):
        return tuple, tuple(map(_constant, value))
    if isinstance(value, frozenset):
        return frozenset, frozenset(map(_constant, value))
    return type(value), value if isinstance(value, str | bytes | int) else repr(value)
