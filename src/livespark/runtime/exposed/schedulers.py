"""Learning rate schedulers: what they show, and how they follow when a learning rate is edited by hand.

A scheduler computes rates from its base rates. An edited rate would be forgotten at its next step, so the base rates
(and whatever else it derives rates from) are multiplied by the same factor as the rate.
"""

import gc
import sys
from collections.abc import Callable, MutableMapping, MutableSequence, Sequence
from typing import Any, Final

from livespark.runtime.exposed.kinds import Change, Entry, Rule
from livespark.runtime.exposed.objects import ObjectKind

__all__ = ("SchedulerKind", "rescale", "scheduler_classes")

_LAST_RATES: Final = "last_lr"
_OF_SCHEDULER: Final = ("base_lrs", "max_lrs", "_last_lr")
_MARK: Final = "initial_lr"
"""A scheduler with base rates leaves this in every parameter group; without it there is none to be looked for."""
_OF_GROUP: Final = (_MARK, "max_lr", "min_lr")
_SIMPLE: Final = (bool, int, float, str)


def scheduler_classes() -> tuple[type, ...]:
    """The base classes of torch's schedulers, where they are loaded."""
    module = sys.modules.get("torch.optim.lr_scheduler")
    found = (getattr(module, name, None) for name in ("LRScheduler", "_LRScheduler", "ReduceLROnPlateau"))
    return tuple(dict.fromkeys(cls for cls in found if isinstance(cls, type)))


class SchedulerKind(ObjectKind):
    """A scheduler's own plain numbers, its base rates, and the rates it set last (`last_lr`)."""

    def entries(self, owner: Any, limit: int, /) -> tuple[Sequence[Entry], int]:
        own, _ = super().entries(owner, limit)
        entries = [entry for entry in own if _is_simple(entry[1])]
        if hasattr(owner, "_last_lr"):
            entries.append((_LAST_RATES, self.get(owner, _LAST_RATES)))
        return entries[:limit], len(entries)

    def find(self, owner: Any, segment: str, /) -> str:
        return segment if segment == _LAST_RATES else super().find(owner, segment)

    def get(self, owner: Any, key: str, /) -> Any:
        return tuple(owner.get_last_lr()) if key == _LAST_RATES else super().get(owner, key)

    def rule(self, owner: Any, key: str, item: Any, hint: Any, /) -> Rule:
        return (
            Rule(lock="is what the scheduler set last") if key == _LAST_RATES else super().rule(owner, key, item, hint)
        )


def _is_simple(item: Any) -> bool:
    if isinstance(item, list | tuple):
        return all(isinstance(part, _SIMPLE) for part in item)
    return isinstance(item, _SIMPLE)


def rescale(optimizer: Any, group: int, before: float, after: float) -> Change:
    """Let the schedulers of `optimizer` follow an edit of the learning rate of its parameter group number `group`."""
    options = optimizer.param_groups[group]
    schedulers = _schedulers_of(optimizer) if _MARK in options else []
    if not schedulers:
        return Change(lambda: None)
    if before <= 0 or after <= 0:
        return Change(lambda: None, "the scheduler will set the rate again: its base rates can't follow from or to 0")
    factor = after / before
    undos = [undo for found in schedulers for undo in _scale_lists(found, group, factor)]
    undos += _scale_items(options, _OF_GROUP, factor)
    return Change(
        lambda: [undo() for undo in reversed(undos)], f"the scheduler's base rates were rescaled by {factor:.6g}"
    )


def _schedulers_of(optimizer: Any) -> list[Any]:
    """Those that hold `optimizer`, themselves or (once somebody has asked for it) by their attribute dictionary."""
    classes = scheduler_classes()
    if not classes:
        return []
    holders = gc.get_referrers(optimizer)
    dictionaries = [holder for holder in holders if type(holder) is dict and holder.get("optimizer") is optimizer]
    if dictionaries:
        holders += gc.get_referrers(*dictionaries)
    found = (holder for holder in holders if issubclass(type(holder), classes))
    followers = {
        id(holder): holder for holder in found if holder.optimizer is optimizer and hasattr(holder, "base_lrs")
    }
    return list(followers.values())


def _scale_lists(scheduler: Any, group: int, factor: float) -> list[Callable[[], object]]:
    lists = (getattr(scheduler, name, None) for name in _OF_SCHEDULER)
    usable = (rates for rates in lists if isinstance(rates, list) and group < len(rates))
    return [undo for rates in usable for undo in _scale_items(rates, (group,), factor)]


def _scale_items(
    holder: MutableMapping[Any, Any] | MutableSequence[Any], keys: Sequence[Any], factor: float
) -> list[Callable[[], object]]:
    undos: list[Callable[[], object]] = []
    for key in keys:
        if isinstance(holder, MutableSequence) or key in holder:
            undos.append(_restorer(holder, key, holder[key]))
            holder[key] = holder[key] * factor
    return undos


def _restorer(holder: Any, key: Any, old: Any) -> Callable[[], object]:
    return lambda: holder.__setitem__(key, old)
