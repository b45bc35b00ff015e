"""What a snapshot is of: the run as this process knows it."""

import hashlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from livespark.protocol.ids import RunId
from livespark.runtime.bindings import Bindings
from livespark.runtime.journal import Journal
from livespark.runtime.level import Level
from livespark.runtime.optimizer_hook import OptimizerHook
from livespark.runtime.persist import Persisted
from livespark.runtime.reload.generators import capture
from livespark.runtime.reload.sources import Sources
from livespark.runtime.snapshots.edits import Edits
from livespark.runtime.snapshots.found import Found
from livespark.runtime.snapshots.moments import Place
from livespark.runtime.snapshots.standing import record

__all__ = ("Subject",)

_PACKAGES: Final = ("torch", "numpy", "livespark", "torchvision", "transformers", "lightning", "torchdata")


@dataclass(frozen=True)
class Subject:
    """`sources` gives the program's source files, None before it has been opened."""

    run: RunId
    persisted: Persisted
    journal: Journal
    levels: list[Level]
    bindings: Bindings
    hook: OptimizerHook
    config: Mapping[str, Any]
    sources: Callable[[], Sources | None]
    edits: Edits = field(default_factory=Edits)
    _found: Found = field(default_factory=Found)

    @property
    def is_found(self) -> bool:
        """The script persists nothing: what can be found is saved."""
        return not self.persisted.values

    @property
    def made(self) -> dict[str, dict[str, Any]]:
        """The plain values in each persisted value as its initializer made it."""
        return self.persisted.made

    def values(self) -> dict[str, Any]:
        """What is saved, by key; empty where there is nothing."""
        return self._found.values(self.hook.optimizers) if self.is_found else self.persisted.values

    def place(self) -> Place:
        """Where the run stands apart from its values. Training thread."""
        script = self.levels[0]
        return Place(
            record(script.scope),
            _path_of(script),
            capture(),
            self.journal.mark(),
            self.bindings.scalars(),
        )

    def code(self) -> dict[str, str]:
        """SHA-256 of each source file that runs, by path."""
        sources = self.sources()
        running = [sources.running(path) for path in sources.paths()] if sources else []
        return {each.path: hashlib.sha256(each.text.encode()).hexdigest() for each in running if each}

    def config_shown(self) -> dict[str, Any]:
        """The run's hyperparameters as nodes."""
        return {name: self.bindings.encode(value) for name, value in self.config.items()}

    def packages(self) -> dict[str, str]:
        """Versions of those that decide what a state means, as far as the script has loaded them."""
        loaded = {name: getattr(sys.modules.get(name), "__version__", None) for name in _PACKAGES}
        return {name: str(version) for name, version in loaded.items() if version}


def _path_of(level: Level) -> list[tuple[str, int]]:
    """The open loops of a level, each by its key and occurrence in the scope around it."""
    path: list[tuple[str, int]] = []
    scope = level.scope
    for position in level.open:
        path += [name for name, each in scope.children.items() if each is position]
        scope = position
    return path
