"""The names of loaded modules, and what a reload has made of them."""

import sys
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

__all__ = ("MISSING", "Changes", "changes", "names_of", "put_back")

MISSING: Final = object()
Changes: TypeAlias = dict[str, tuple[Any, Any]]
"""By name, what it meant and what it means now; `MISSING` for nothing."""


def names_of(module: str) -> dict[str, Any]:
    """The names of a loaded module themselves; of one that is not loaded, none."""
    loaded = sys.modules.get(module)
    return vars(loaded) if loaded else {}


def changes(former: Mapping[str, Any], names: Mapping[str, Any]) -> Changes:
    """The names that mean another object than before."""
    return {
        name: (former.get(name, MISSING), value)
        for name, value in names.items()
        if former.get(name, MISSING) is not value
    }


def put_back(names: dict[str, Any], former: Mapping[str, Any]) -> None:
    """The names mean what they meant, and there are no others. Other threads miss none of them meanwhile."""
    names.update(former)
    for name in names.keys() - former.keys():
        del names[name]
