"""Optimizers as their hyperparameters: `optimizer.lr` with one parameter group, else `optimizer.groups.0.lr`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from msgspec import Struct

from livespark.runtime.exposed.arrays import fill_tensor
from livespark.runtime.exposed.containers import exchange, index_below
from livespark.runtime.exposed.declared import Limit
from livespark.runtime.exposed.kinds import Change, Container, Entry, Node, Rule
from livespark.runtime.exposed.schedulers import rescale

__all__ = ("Group", "GroupKind", "Groups", "GroupsKind", "OptimizerKind", "Pair", "PairKind")

_POSITIVE: Final = Annotated[float, Limit(ge=0)]
_FRACTION: Final = Annotated[float, Limit(ge=0, lt=1)]
_HINTS: Final[Mapping[str, Any]] = {
    "lr": _POSITIVE,
    "max_lr": _POSITIVE,
    "min_lr": _POSITIVE,
    "weight_decay": _POSITIVE,
    "eps": _POSITIVE,
    "momentum": _POSITIVE,
    "betas": _FRACTION,
    "rho": Annotated[float, Limit(ge=0, le=1)],
    "alpha": _POSITIVE,
    "lr_decay": _POSITIVE,
    "dampening": float,
    "lambd": float,
    "t0": float,
}
"""Hyperparameters are floats even where their default is written as an integer; bounds are those of torch."""

_NOT_SHOWN: Final = frozenset(
    {"params", "param_names", "initial_lr", "foreach", "fused", "capturable", "differentiable"}
)
"""Parameters, and switches between implementations of the same mathematics."""

_FIXED: Final = {
    "amsgrad": "decides which state the optimizer keeps; it can't be changed afterwards",
    "centered": "decides which state the optimizer keeps; it can't be changed afterwards",
}


class Group(Struct, frozen=True):
    """A parameter group, by position."""

    optimizer: Any
    index: int

    @property
    def options(self) -> dict[str, Any]:
        found: dict[str, Any] = self.optimizer.param_groups[self.index]
        return found


class Groups(Struct, frozen=True):
    """All parameter groups of an optimizer."""

    optimizer: Any


class Pair(Struct, frozen=True):
    """A hyperparameter that is a tuple, such as the betas: an edit of one of its items makes a new tuple."""

    group: Group
    name: str

    @property
    def items(self) -> tuple[Any, ...]:
        found: tuple[Any, ...] = self.group.options[self.name]
        return found


class GroupKind(Container):
    """The options of one group. Takes care of learning rates that are tensors, and of schedulers."""

    fills = True

    def entries(self, owner: Group, limit: int, /) -> tuple[Sequence[Entry], int]:
        shown = [(name, _view(owner, name, item)) for name, item in owner.options.items() if name not in _NOT_SHOWN]
        return shown[:limit], len(shown)

    def show(self, _owner: Group, count: int, /) -> Node:
        return {"$": "dict", "n": count}

    def find(self, owner: Group, segment: str, /) -> str:
        if segment in _NOT_SHOWN or segment not in owner.options:
            raise KeyError(segment)
        return segment

    def get(self, owner: Group, key: str, /) -> Any:
        return _view(owner, key, owner.options[key])

    def put(self, owner: Group, key: str, value: Any, /) -> Change:
        old = owner.options[key]
        before = float(old) if key == "lr" else 0.0
        change = _replace(owner.options, key, old, value)
        if key != "lr":
            return change
        rescaled = rescale(owner.optimizer, owner.index, before, float(value))
        return Change(lambda: (rescaled.undo(), change.undo()), rescaled.note)

    def rule(self, owner: Group, key: str, item: Any, _hint: Any, /) -> Rule:
        if key in _FIXED:
            return Rule(read_only=_FIXED[key])
        if item is None:
            return Rule(read_only="was left to the optimizer when it was made")
        if key == "momentum" and _lacks_momentum(owner):
            return Rule(read_only="the optimizer was made without momentum and has no state for it")
        return Rule(_HINTS.get(key, Any))


def _view(group: Group, name: str, item: Any) -> Any:
    return Pair(group, name) if type(item) is tuple else item


def _replace(options: dict[str, Any], key: str, old: Any, value: Any) -> Change:
    if hasattr(old, "fill_"):
        return fill_tensor(old, value)
    return exchange(lambda: options[key], lambda new: options.__setitem__(key, new), value)


def _lacks_momentum(group: Group) -> bool:
    """Only SGD makes momentum buffers whenever they are needed; others with their first step, or never."""
    made = bool(group.optimizer.state)
    return (
        made and group.options["momentum"] == 0 and not any(c.__name__ == "SGD" for c in type(group.optimizer).__mro__)
    )


class PairKind(Container):
    """Shown as a list; each item can be edited."""

    fills = True

    def entries(self, owner: Pair, limit: int, /) -> tuple[Sequence[Entry], int]:
        return [(str(index), item) for index, item in enumerate(owner.items[:limit])], len(owner.items)

    def show(self, _owner: Pair, count: int, /) -> Node:
        return {"$": "list", "n": count}

    def find(self, owner: Pair, segment: str, /) -> int:
        return index_below(segment, len(owner.items))

    def get(self, owner: Pair, key: int, /) -> Any:
        return owner.items[key]

    def put(self, owner: Pair, key: int, value: Any, /) -> Change:
        if hasattr(owner.items[key], "fill_"):
            return fill_tensor(owner.items[key], value)
        return _put_tuple(owner, (*owner.items[:key], value, *owner.items[key + 1 :]))

    def rule(self, owner: Pair, _key: int, item: Any, _hint: Any, /) -> Rule:
        if item is None:
            return Rule(read_only="was left to the optimizer when it was made")
        return Rule(_HINTS.get(owner.name, float))


def _put_tuple(owner: Pair, value: tuple[Any, ...]) -> Change:
    options, name = owner.group.options, owner.name
    return exchange(lambda: options[name], lambda new: options.__setitem__(name, new), value)


class GroupsKind(Container):
    """Shown as a list of groups."""

    def entries(self, owner: Groups, limit: int, /) -> tuple[Sequence[Entry], int]:
        count = len(owner.optimizer.param_groups)
        return [(str(index), Group(owner.optimizer, index)) for index in range(min(count, limit))], count

    def show(self, _owner: Groups, count: int, /) -> Node:
        return {"$": "list", "n": count}

    def find(self, owner: Groups, segment: str, /) -> int:
        return index_below(segment, len(owner.optimizer.param_groups))

    def get(self, owner: Groups, key: int, /) -> Group:
        return Group(owner.optimizer, key)


class OptimizerKind(Container):
    """torch.optim.Optimizer."""

    fills = True

    def entries(self, owner: Any, limit: int, /) -> tuple[Sequence[Entry], int]:
        if len(owner.param_groups) == 1:
            return _GROUP.entries(Group(owner, 0), limit)
        return [("groups", Groups(owner))][:limit], 1

    def show(self, owner: Any, count: int, /) -> Node:
        return {"$": "object", "type": type(owner).__name__, "n": count}

    def find(self, owner: Any, segment: str, /) -> str:
        if len(owner.param_groups) == 1:
            return _GROUP.find(Group(owner, 0), segment)
        if segment != "groups":
            raise KeyError(segment)
        return segment

    def get(self, owner: Any, key: str, /) -> Any:
        return Groups(owner) if key == "groups" else _GROUP.get(Group(owner, 0), key)

    def put(self, owner: Any, key: str, value: Any, /) -> Change:
        return _GROUP.put(Group(owner, 0), key, value)

    def rule(self, owner: Any, key: str, item: Any, hint: Any, /) -> Rule:
        return Rule() if key == "groups" else _GROUP.rule(Group(owner, 0), key, item, hint)


_GROUP: Final = GroupKind()
