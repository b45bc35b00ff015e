"""Pydantic models: what the library derived from the new class leads to the new class, so it is derived again."""

from functools import partial
from typing import Any

from livespark.runtime.reload.patch.base import Patching
from livespark.runtime.reload.patch.classes import take_class
from livespark.runtime.reload.patch.instances import family, instances_of

__all__ = ("is_model", "take_model")


def is_model(cls: type) -> bool:
    """Whether this is a pydantic model."""
    return "__pydantic_validator__" in vars(cls)


def take_model(patch: Patching, old: Any, new: Any, _only: object) -> type:
    """The old class with all of the new one. Living objects get new fields that have a default. Raises Refusal."""
    former = frozenset(old.__pydantic_fields__)
    kept: Any = take_class(patch, old, new, None)
    if kept is old:
        kept.model_rebuild(force=True)
        _fill(patch, kept, {name: field for name, field in kept.__pydantic_fields__.items() if name not in former})
    taken: type = kept
    return taken


def _fill(patch: Patching, cls: type, fields: dict[str, Any]) -> None:
    given = {name: field for name, field in fields.items() if not field.is_required()}
    for instance in instances_of(family(cls)) if given else ():
        for name, field in given.items():
            if name not in vars(instance):
                vars(instance)[name] = field.get_default(call_default_factory=True)
                patch.undo.later(partial(vars(instance).pop, name, None))
