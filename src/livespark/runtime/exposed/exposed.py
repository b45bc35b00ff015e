"""The exposed values of a run: what the runtime and its link ask for.

User objects are touched on the training thread only: by `replace`, `add`, `sample`, `prepare`, `apply` and `encode`.
The link's thread gets immutable snapshots through one attribute, and does the comparing and encoding.
"""

import time
from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from livespark.errors import CommandRefused
from livespark.protocol import paths
from livespark.protocol.live import Field
from livespark.runtime.exposed.budget import SAMPLE, Budget, Meter
from livespark.runtime.exposed.catalogue import Catalogue
from livespark.runtime.exposed.edits import Edit, prepare
from livespark.runtime.exposed.fields import describe
from livespark.runtime.exposed.functions import Target
from livespark.runtime.exposed.kinds import Node
from livespark.runtime.exposed.nested import encode
from livespark.runtime.exposed.registry import Registry
from livespark.runtime.exposed.root import Bindings, bindings_of, free_name
from livespark.runtime.exposed.snapshot import Differ, ExposedDelta, Snapshot
from livespark.runtime.exposed.walk import Walk
from livespark.runtime.exposed.wire import to_wire

__all__ = ("Exposed",)

_CHEAP: Final = 0.001
_STEADY: Final = 500
"""So many nodes are looked at however long it takes (within the time): a few slow ones must not hide the others."""

_REST: Final = 50
"""A look that costs more than a millisecond is followed by a rest of so many times its cost: 2 % of a core."""


class Exposed:
    """Everything a script exposes."""

    def __init__(self, budget: Budget = SAMPLE) -> None:
        self._budget = budget
        self._nodes, self._spent = budget.nodes, 0
        self._late = False
        self._rests_until = 0.0
        self._bindings = Bindings()
        self._registry = Registry()
        self._catalogue = Catalogue(self._registry)
        self._types: list[type] = []
        self._fields: dict[str, Field] = {}
        self._structure: list[str] = []
        self._snapshot = Snapshot(structure=self._structure)
        self._differ = Differ()

    def replace(self, bindings: Mapping[str, Any]) -> None:
        """Expose exactly these, and take a sample. Raises UsageError for a name that is none. Training thread."""
        self._bindings = bindings_of(bindings)
        self._nodes = self._budget.nodes
        self._forget()
        self._look_at_once()

    def renew(self) -> None:
        """Code has been replaced: classes and functions are looked at anew. Training thread."""
        self._forget()

    def add(self, name: str, value: Any) -> str:
        """Expose one more, unless it is exposed already; the name under which it is. Training thread."""
        for known, item in self._bindings.items():
            if item is value:
                return known
        name = free_name(self._bindings, name)
        self._bindings = bindings_of({**self._bindings, name: value})
        self._look_at_once()
        return name

    def sample(self) -> None:
        """Note what the exposed values are now, within the budget. Never raises because of them. Training thread.

        Where a look is costly, one that comes too soon after the last is left out, unless there has been an edit.
        """
        if time.perf_counter() >= self._rests_until:
            self._look()

    def _look_at_once(self) -> None:
        """A first look says nothing about the cost of later ones."""
        self._look()
        self._rests_until = 0.0

    def _look(self) -> None:
        walk = self._walk()
        self._catalogue.update(walk.functions)
        self._note_structure(walk)
        self._snapshot = Snapshot(walk.values, self._structure, self._fields, self._catalogue.described)

    def _walk(self) -> Walk:
        """One walk; a second one if the first ran out of time for once, as when garbage was collected meanwhile.

        Where time is always short, fewer nodes are looked at from then on: always the same ones.
        """
        was_late = self._late
        walk = self._walk_once()
        if self._late and not was_late:
            walk = self._walk_once()
        if self._late:
            self._nodes = min(self._nodes, max(_STEADY, self._spent * 3 // 4))
        return walk

    def _walk_once(self) -> Walk:
        meter = Meter(replace(self._budget, nodes=self._nodes))
        walk = Walk(self._registry, meter)
        walk.run(self._bindings)
        self._late, cost = meter.late, meter.used()
        self._spent = meter.spent
        rest = min(cost, self._budget.seconds) * _REST if cost > _CHEAP else 0.0
        self._rests_until = time.perf_counter() + rest
        return walk

    def _note_structure(self, walk: Walk) -> None:
        structure = list(walk.values)
        if structure != self._structure or walk.types != self._types:
            self._fields = describe(walk.visits, walk.values, self._registry)
            self._structure, self._types = structure, walk.types

    def _forget(self) -> None:
        """A reload may have changed classes: know nothing about them."""
        self._registry.clear()
        self._structure, self._types, self._fields = [], [], {}

    def scalars(self) -> dict[str, Any]:
        """The values that can be edited, as of now, on the wire by path. Training thread."""
        self._look_at_once()
        editable = {path for path, field in self._snapshot.fields.items() if not field.read_only}
        return to_wire({path: node for path, node in self._snapshot.values.items() if path in editable})

    def root(self, path: str) -> Any:
        """The object of the binding to which `path` belongs; None if there is none. Training thread."""
        return self._bindings.get(paths.split(path)[0])

    def delta(self, *, full: bool) -> ExposedDelta | None:
        """What changed since the last call, or everything; None if nothing. One thread, usually the link's."""
        snapshot = self._snapshot
        functions = self._catalogue.with_running(snapshot.functions)
        return self._differ.delta(replace(snapshot, functions=functions), full=full)

    def prepare(self, values: dict[str, Node]) -> Edit:
        """Check an edit: path to nested node. Raises CommandRefused; changes nothing yet. Training thread."""
        self._rests_until = 0.0
        return prepare(self._bindings, values, self._registry)

    def resolve(self, path: str) -> Target:
        """The exposed function at `path`, as of the last sample. Raises CommandRefused. Any thread."""
        if path in self._snapshot.values:
            raise CommandRefused(f"{path!r} is a value, not a function")
        return self._catalogue.resolve(path)

    def is_concurrent(self, path: str) -> bool:
        """Whether a call of the function at `path` need not wait for a checkpoint. Any thread."""
        try:
            return self._catalogue.resolve(path).concurrent
        except CommandRefused:
            return False

    def set_running(self, path: str, running: bool) -> None:
        """Whether the function at `path` is being executed. Any thread."""
        self._catalogue.set_running(path, running)

    def encode(self, value: Any) -> Node:
        """A call's result as a nested node, within its own budget. Never raises. The thread that made the call."""
        return encode(value, self._registry)
