"""The state of a script that persists nothing: its optimizers, the models whose parameters they step, their schedulers.

Best effort: what an optimizer has never stepped is not found, and nobody knows where the script's loops stand.
"""

import gc
import sys
from collections.abc import Iterable
from typing import Any

__all__ = ("Found",)


class Found:
    """Remembers what it has found: looking through all objects takes a tenth of a second. Training thread."""

    def __init__(self) -> None:
        self._optimizers: list[int] = []
        self._values: dict[str, Any] = {}

    def values(self, optimizers: Iterable[Any]) -> dict[str, Any]:
        """Models, optimizers and schedulers by name: `model`, `optimizer`, `scheduler`, `model_2`, ..."""
        known = list(optimizers)
        if [id(each) for each in known] != self._optimizers:
            self._optimizers = [id(each) for each in known]
            self._values = _named(known)
        return self._values


def _named(optimizers: list[Any]) -> dict[str, Any]:
    modules, schedulers = _alive()
    parameters = {id(each) for optimizer in optimizers for group in optimizer.param_groups for each in group["params"]}
    owners = [module for module in modules if any(id(each) in parameters for each in module.parameters())]
    inner = {id(part) for module in owners for part in module.modules() if part is not module}
    values: dict[str, Any] = {}
    for kind, found in (
        ("model", [module for module in owners if id(module) not in inner]),
        ("optimizer", optimizers),
        ("scheduler", [each for each in schedulers if any(each.optimizer is one for one in optimizers)]),
    ):
        values |= {kind if number == 1 else f"{kind}_{number}": each for number, each in enumerate(found, 1)}
    return values


def _alive() -> tuple[list[Any], list[Any]]:
    """All modules and learning rate schedulers there are, oldest first as far as the collector knows."""
    torch = sys.modules["torch"]
    schedulers = getattr(sys.modules.get("torch.optim.lr_scheduler"), "LRScheduler", ())
    objects = [(type(each), each) for each in gc.get_objects()]
    return (
        [each for kind, each in objects if issubclass(kind, torch.nn.Module)],
        [each for kind, each in objects if issubclass(kind, schedulers)],
    )
