"""The living objects of a class, as the collector knows them."""

import gc
from typing import Any

from livespark.runtime.reload.patch.base import Patching
from livespark.runtime.reload.patch.collector import referrers
from livespark.runtime.reload.undo import Refusal

__all__ = ("family", "instances_of", "is_unused", "refuse_class", "shown")


def family(cls: type) -> list[type]:
    """The class and all classes derived from it."""
    found = [cls]
    for each in found:
        derived: list[type] = type.__subclasses__(each)
        found += [cls for cls in derived if cls not in found]
    return found


def instances_of(classes: list[type]) -> list[Any]:
    """The living objects of exactly these classes; also those that wait for the collector. About 10 ms."""
    known = set(map(id, classes))
    return [each for each in referrers(*classes) if id(type(each)) in known]


def is_unused(cls: type) -> bool:
    """Whether no object of the class lives."""
    if not instances_of([cls]):
        return True
    gc.collect()
    return not instances_of([cls])


def refuse_class(patch: Patching, cls: type, change: str, *, migrate: bool = True) -> Refusal:
    """Why a class can't change: something of it lives."""
    classes = family(cls)
    living = [shown(patch, each) for each in instances_of(classes)] + [
        f"class {each.__qualname__}" for each in classes[1:]
    ]
    what = f"class {cls.__qualname__}: {change}, and {living[0] if living else 'what may live of it'}"
    hook = f"define {cls.__qualname__}.__livespark_migrate__(self, old_source), " if migrate else ""
    return Refusal(
        f"{what} can't follow. To go on: {hook}have what is persisted of it made anew "
        "(`livespark reload --clear KEY`), or restart the run"
    )


def shown(patch: Patching, living: object) -> str:
    """A living object, for people."""
    return patch.name_of(living) or f"a living {type(living).__qualname__}"
