"""One value as one nested node: results of calls, defaults of parameters, values after an edit."""

from typing import Any

from livespark.runtime.exposed.arrays import ArrayLeaf
from livespark.runtime.exposed.budget import RESULT, Budget, Meter
from livespark.runtime.exposed.kinds import Container, Leaf, Node, cut
from livespark.runtime.exposed.leaves import clean
from livespark.runtime.exposed.registry import Registry
from livespark.runtime.exposed.walk import REST
from livespark.runtime.exposed.wire import finish, numbers

__all__ = ("encode",)


def encode(value: Any, registry: Registry, budget: Budget = RESULT) -> Node:
    """The node of `value`, within a budget. Objects become JSON objects of their public attributes. Never raises."""
    return _Nesting(registry, Meter(budget)).node(value, 0)


class _Nesting:
    def __init__(self, registry: Registry, meter: Meter) -> None:
        self._registry = registry
        self._meter = meter
        self._way: set[int] = set()

    def node(self, value: Any, depth: int) -> Node:
        try:
            kind = self._registry.kind(type(value))
            if isinstance(kind, Container):
                return self._container(value, kind, depth)
            return self._leaf(value, kind) if isinstance(kind, Leaf) else cut("error")
        except Exception:
            return cut("error")

    def _leaf(self, value: Any, kind: Leaf) -> Node:
        if self._meter.exhausted():
            return cut("budget")
        node = finish(kind.show(value, self._meter))
        if isinstance(kind, ArrayLeaf) and type(node) is dict and node.get("$") == "array" and "data" not in node:
            return self._with_statistics(node, value, kind)
        return node

    def _with_statistics(self, node: dict[str, Any], value: Any, kind: ArrayLeaf) -> Node:
        found = kind.statistics(value)
        return {**node, "stats": {name: numbers(number) for name, number in found.items()}} if found else node

    def _container(self, value: Any, kind: Container, depth: int) -> Node:
        if id(value) in self._way:
            return cut("cycle")
        entries, count = kind.entries(value, 0 if depth >= self._meter.budget.depth else self._meter.items())
        shown = kind.show(value, count)
        if shown["$"] == "module":
            return shown
        if count and depth >= self._meter.budget.depth:
            return cut("depth", count)
        self._meter.left -= len(entries)
        self._way.add(id(value))
        parts = [(name, self.node(item, depth + 1)) for name, item in entries]
        self._way.remove(id(value))
        return _list(parts, count) if shown["$"] == "list" else _object(parts, count)


def _list(parts: list[tuple[str, Node]], count: int) -> Node:
    rest = [cut("budget", count - len(parts))] if count > len(parts) else []
    return [node for _, node in parts] + rest


def _object(parts: list[tuple[str, Node]], count: int) -> Node:
    rest = {REST: cut("budget", count - len(parts))} if count > len(parts) else {}
    return {**{_guarded(name): node for name, node in parts}, **rest}


def _guarded(name: str) -> str:
    return f"${clean(name)}" if name.startswith("$") else clean(name)
