"""torch.nn.Module: a table of its parameters, counted seldom, and its own plain numbers."""

import time
import weakref
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from livespark.runtime.exposed.kinds import Node, Rule
from livespark.runtime.exposed.objects import ObjectKind

__all__ = ("ModuleKind", "Tables")

_ROWS: Final = 200
_SECONDS: Final = 5.0
_SHARE: Final = 1_000
"""A table is made anew after this many times the time it took, so that it costs at most a thousandth."""


class _Table(Struct, frozen=True):
    module: Callable[[], Any]
    node: Node
    due: float


class Tables:
    """The parameter tables of the modules seen so far. Keeps no module alive."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._tables: dict[int, _Table] = {}

    def node(self, module: Any) -> Node:
        now = self._clock()
        known = self._tables.get(id(module))
        if known is not None and known.module() is module and now < known.due:
            return known.node
        return self._make(module, now).node

    def clear(self) -> None:
        """Make every table anew when it is next asked for."""
        self._tables.clear()

    def _make(self, module: Any, now: float) -> _Table:
        node = _describe(module)
        due = now + max(_SECONDS, (self._clock() - now) * _SHARE)
        self._tables = {key: table for key, table in self._tables.items() if table.module() is not None}
        self._tables[id(module)] = table = _Table(weakref.ref(module), node, due)
        return table


def _describe(module: Any) -> Node:
    rows = [_row(name, parameter) for name, parameter in module.named_parameters()]
    return {
        "$": "module",
        "type": type(module).__name__,
        "parameters": sum(row[3] for row in rows),
        "trainable": sum(row[3] for row in rows if row[4]),
        "rows": rows[:_ROWS],
    }


def _row(name: str, parameter: Any) -> list[Any]:
    dtype = str(parameter.dtype).removeprefix("torch.")
    try:
        shape, count = list(parameter.shape), parameter.numel()
    except RuntimeError:  # a lazy parameter has no shape before the first batch
        shape, count = [], 0
    return [name, shape, dtype, count, parameter.requires_grad]


class ModuleKind(ObjectKind):
    """The table, with the module's own public numbers and texts below it. What its parts hold is not walked."""

    def __init__(self, cls: type, tables: Tables) -> None:
        super().__init__(cls, lambda found: not issubclass(found, bool | int | float | str), shared=False)
        self._tables = tables

    def show(self, owner: Any, _count: int, /) -> Node:
        return self._tables.node(owner)

    def rule(self, owner: Any, key: str, item: Any, hint: Any, /) -> Rule:
        if key == "training":
            return Rule(read_only="is set for all parts at once by train() and eval()")
        return super().rule(owner, key, item, hint)
