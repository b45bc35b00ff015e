"""The walk over exposed values: from live objects to a flat mapping of paths to nodes.

It runs on the training thread many times a second, so its inner loop is kept short: what is a plain number goes
straight into the result. What is not shown leaves a `cut` node: a value in its own place, the rest of a container at
the segment "…" below it.
"""

from typing import Any, Final, NamedTuple

from livespark.protocol import paths
from livespark.runtime.exposed.budget import Meter
from livespark.runtime.exposed.kinds import PLAIN, Container, Hidden, Leaf, Node, cut
from livespark.runtime.exposed.leaves import clean
from livespark.runtime.exposed.registry import Registry
from livespark.runtime.exposed.root import Bindings, RootKind

__all__ = ("REST", "Visit", "Walk", "path_below")

REST: Final = "…"
_SHARE: Final = 100
"""Entries kept for every binding that comes later."""
_SHORT: Final = 64
"""Texts up to this length are shown as they are and cost no more than a number."""
_ROOT: Final = RootKind()


class Visit(NamedTuple):
    """A container that was walked; lives no longer than the walk."""

    prefix: str
    kind: Container
    owner: Any
    entries: Any


class Walk:
    """One walk. Afterwards: `values` by path, `types` (of every entry, in order), `functions` by path, `visits`."""

    def __init__(self, registry: Registry, meter: Meter) -> None:
        self.values: dict[str, Node] = {}
        self.types: list[type] = []
        self.functions: dict[str, Any] = {}
        self.visits: list[Visit] = []
        self._kind = registry.kind
        self._meter = meter
        self._way: set[int] = set()

    def run(self, bindings: Bindings) -> None:
        entries, count = _ROOT.entries(bindings, self._meter.items())
        self._meter.left -= len(entries)
        self.visits.append(Visit("", _ROOT, bindings, entries))
        for index, entry in enumerate(entries):
            self._meter.reserve(_SHARE, len(entries) - index - 1)
            self._entries("", [entry], _ROOT, 1)
        self._rest("", count - len(entries))

    def _entries(self, before: str, entries: Any, owner: Container, depth: int) -> None:
        values, note_type = self.values, self.types.append
        for name, item in entries:
            path = f"{before}{name}" if name.isidentifier() or name.isdecimal() else path_below(before, name)
            cls = type(item)
            note_type(cls)
            if cls in PLAIN or (cls is str and len(item) <= _SHORT):
                values[path] = item
            else:
                self._other(path, item, cls, owner, depth)

    def _other(self, path: str, item: Any, cls: type, owner: Container, depth: int) -> None:
        kind = self._kind(cls)
        if isinstance(kind, Container):
            self._container(path, item, kind, depth)
        elif owner.calls and isinstance(kind, Hidden) and kind.function:
            self.functions[path] = item
        elif isinstance(kind, Leaf):
            self.values[path] = self._leaf(item, kind)

    def _leaf(self, item: Any, kind: Leaf) -> Node:
        if self._meter.exhausted():
            return cut("budget")
        try:
            return kind.show(item, self._meter)
        except Exception:
            return cut("error")

    def _container(self, path: str, item: Any, kind: Container, depth: int) -> None:
        if id(item) in self._way or self._meter.exhausted():
            self.values[path] = cut("cycle" if id(item) in self._way else "budget")
            return
        deepest = depth >= self._meter.budget.depth
        try:
            entries, count = kind.entries(item, 0 if deepest else self._meter.items())
            self.values[path] = cut("depth", count) if deepest and count else kind.show(item, count)
        except Exception:
            self.values[path] = cut("error")
            return
        if not deepest:
            self._inside(f"{path}.", item, kind, entries, count, depth)

    def _inside(self, before: str, item: Any, kind: Container, entries: Any, count: int, depth: int) -> None:
        self._meter.left -= len(entries)
        self.visits.append(Visit(before, kind, item, entries))
        self._way.add(id(item))
        self._entries(before, entries, kind, depth + 1)
        self._way.remove(id(item))
        self._rest(before, count - len(entries))

    def _rest(self, before: str, count: int) -> None:
        if count > 0:
            self.values.setdefault(f"{before}{REST}", cut("budget", count))
            self.types.append(Hidden)


def path_below(before: str, name: str) -> str:
    """The path of the entry `name` below a visit's prefix."""
    is_plain = name.isidentifier() or name.isdecimal()
    return f"{before}{name}" if is_plain else f"{before}{paths.join([clean(name)])}"
