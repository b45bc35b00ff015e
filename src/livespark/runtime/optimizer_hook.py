"""Checkpoints for scripts that never heard of us: one after every step of a torch optimizer.

torch is never imported from here: the hook is registered once the script has imported it.
"""

import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

from livespark.runtime.arrivals import when_imported
from livespark.runtime.core import Core
from livespark.runtime.journal import Journal

__all__ = ("OptimizerHook",)


class OptimizerHook:
    """Counts the optimizers' steps, exposes each optimizer once (`expose`), and gives the script its checkpoints.

    `arrived` is called when an optimizer has made its first step.
    """

    def __init__(self, core: Core, journal: Journal, expose: Callable[[str, Any], None]) -> None:
        self._core = core
        self._journal = journal
        self._expose = expose
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()
        self._order: dict[int, int] = {}
        self.arrived: Callable[[], object] = lambda: None

    def install(self) -> None:
        """Register with torch now if it is there, else as soon as the script imports it."""
        when_imported("torch.optim.optimizer", self.register)

    def register(self, module: ModuleType) -> None:
        """Nothing happens with a torch that has no such hook: it is too old, and the script's import must succeed."""
        if hook := getattr(module, "register_optimizer_step_post_hook", None):
            hook(self.stepped)

    @property
    def optimizers(self) -> list[Any]:
        """Those that live and have made a step since the script began, in the order of their names."""
        return sorted(self._seen, key=lambda each: self._order.get(id(each), 0))

    @property
    def has_stepped(self) -> bool:
        """Whether an optimizer that lives has made a step since the script began."""
        return bool(self._seen)

    def forget(self) -> None:
        """The script runs again: optimizers are exposed anew."""
        self._seen.clear()
        self._order.clear()

    def stepped(self, optimizer: Any, _args: object, _kwargs: object) -> None:
        """An optimizer has made a step. Raises SparkStopError, SparkReloadError."""
        if self._core.inert or not self._core.is_mine():
            return
        is_new = optimizer not in self._seen
        if is_new:
            self._seen.add(optimizer)
            self._order[id(optimizer)] = len(self._order)
            self._expose("optimizer", optimizer)
        self._journal.count_step()
        if is_new:
            self.arrived()
        if self._core.asked and not self._core.explicit:
            self._core.attend()
