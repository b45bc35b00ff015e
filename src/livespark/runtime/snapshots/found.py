"""The state of a script that persists nothing: its optimizers, the models whose parameters they step, their schedulers.

Best effort: what an optimizer has never stepped is not found, and nobody knows where the script's loops stand. Names
follow the order in which optimizers made their first steps, so that another process finds the same under the same name
as soon as that optimizer has made a step there.
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
    taken: list[Any] = []
    values: dict[str, Any] = {}
    for optimizer in optimizers:
        stepped = {id(each) for group in optimizer.param_groups for each in group["params"]}
        owners = [module for module in modules if any(id(each) in stepped for each in module.parameters())]
        inner = {id(part) for module in owners for part in module.modules() if part is not module}
        models = [module for module in owners if id(module) not in inner and not any(module is one for one in taken)]
        taken += models
        _add(values, "model", models)
        _add(values, "optimizer", [optimizer])
        _add(values, "scheduler", [each for each in schedulers if each.optimizer is optimizer])
    return values


def _add(values: dict[str, Any], kind: str, found: list[Any]) -> None:
    for each in found:
        number = 1 + sum(key.partition("_")[0] == kind for key in values)
        values[kind if number == 1 else f"{kind}_{number}"] = each


def _alive() -> tuple[list[Any], list[Any]]:
    """All modules and learning rate schedulers there are, oldest first as far as the collector knows."""
    torch = sys.modules["torch"]
    schedulers = getattr(sys.modules.get("torch.optim.lr_scheduler"), "LRScheduler", ())
    objects = [(type(each), each) for each in gc.get_objects()]
    return (
        [each for kind, each in objects if issubclass(kind, torch.nn.Module)],
        [each for kind, each in objects if issubclass(kind, schedulers)],
    )
