"""Checkpoints for scripts that never heard of us: one after every step of a torch optimizer.

torch is never imported from here. A finder waits for the script to import it, and registers a hook once
`torch.optim.optimizer` has been executed.
"""

import importlib.util
import sys
import weakref
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

from livespark.runtime.core import Core
from livespark.runtime.journal import Journal

__all__ = ("OptimizerHook",)

_MODULE: Final = "torch.optim.optimizer"


class OptimizerHook:
    """Counts the optimizers' steps, exposes each optimizer once (`expose`), and gives the script its checkpoints."""

    def __init__(self, core: Core, journal: Journal, expose: Callable[[str, Any], None]) -> None:
        self._core = core
        self._journal = journal
        self._expose = expose
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()

    def install(self) -> None:
        """Register with torch now if it is there, else as soon as the script imports it."""
        if _MODULE in sys.modules:
            self.register(sys.modules[_MODULE])
        else:
            sys.meta_path.insert(0, _Waiting(self.register))

    def register(self, module: ModuleType) -> None:
        """Nothing happens with a torch that has no such hook: it is too old, and the script's import must succeed."""
        if hook := getattr(module, "register_optimizer_step_post_hook", None):
            hook(self.stepped)

    def forget(self) -> None:
        """The script runs again: optimizers are exposed anew."""
        self._seen.clear()

    def stepped(self, optimizer: Any, _args: object, _kwargs: object) -> None:
        """An optimizer has made a step. Raises SparkStopError, SparkReloadError."""
        if self._core.inert or not self._core.is_mine():
            return
        if optimizer not in self._seen:
            self._seen.add(optimizer)
            self._expose("optimizer", optimizer)
        self._journal.count_step()
        if self._core.asked and not self._core.explicit:
            self._core.attend()


class _Waiting:
    """A finder that finds nothing itself; it lets the others find the module and adds a call after its execution."""

    def __init__(self, arrived: Callable[[ModuleType], None]) -> None:
        self._arrived = arrived

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec and spec.loader:
            self._extend(spec.loader)
        return spec

    def _extend(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            self._arrived(module)

        loader.exec_module = exec_module
