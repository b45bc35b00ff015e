"""Training goes on to the bit: any optimizer with any scheduler, saved, read, and put back."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as schedules
from torch.optim.swa_utils import SWALR

from tests.unit.snapshots.treeing import Net, Snapshot


def _train(parts: dict[str, Any], steps: int) -> list[float]:
    losses = []
    dtype = next(parts["net"].parameters()).dtype
    for _ in range(steps):
        loss = parts["net"](torch.randn(8, 4, dtype=dtype)).square().mean()
        parts["optimizer"].zero_grad()
        loss.backward()
        parts["optimizer"].step()
        scheduler = parts["scheduler"]
        scheduler.step(loss.detach()) if isinstance(scheduler, schedules.ReduceLROnPlateau) else scheduler.step()
        losses.append(loss.item())
    return losses


_OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.1, amsgrad=True),
    "adam-foreach": lambda parameters: torch.optim.Adam(parameters, lr=0.1, foreach=True),
    "adamw-fused": lambda parameters: torch.optim.AdamW(parameters, lr=0.1, fused=True),
    "adamw-tensor": lambda parameters: torch.optim.AdamW(parameters, lr=torch.tensor(0.1), foreach=False),
    "rmsprop": lambda parameters: torch.optim.RMSprop(parameters, lr=0.1, centered=True),
    "adagrad": lambda parameters: torch.optim.Adagrad(parameters, lr=0.1),
    "rprop": lambda parameters: torch.optim.Rprop(parameters, lr=0.1),
}

_SCHEDULERS: dict[str, Callable[[torch.optim.Optimizer], Any]] = {
    "cosine": lambda optimizer: schedules.CosineAnnealingLR(optimizer, 20),
    "restarts": lambda optimizer: schedules.CosineAnnealingWarmRestarts(optimizer, 3),
    "linear": lambda optimizer: schedules.LinearLR(optimizer, 0.3, total_iters=9),
    "one-cycle": lambda optimizer: schedules.OneCycleLR(optimizer, 0.2, total_steps=40),
    "cyclic": lambda optimizer: schedules.CyclicLR(optimizer, 0.01, 0.1, 4, cycle_momentum=False),
    "plateau": lambda optimizer: schedules.ReduceLROnPlateau(optimizer, patience=1, cooldown=1),
    "lambda": lambda optimizer: schedules.LambdaLR(optimizer, lambda epoch: 0.9**epoch),
    "sequential": lambda optimizer: schedules.SequentialLR(
        optimizer,
        [schedules.LinearLR(optimizer, 0.1, total_iters=4), schedules.ExponentialLR(optimizer, 0.9)],
        milestones=[4],
    ),
    "chained": lambda optimizer: schedules.ChainedScheduler(
        [schedules.ConstantLR(optimizer, 0.5, total_iters=5), schedules.StepLR(optimizer, 2)]
    ),
    "swa": lambda optimizer: SWALR(optimizer, swa_lr=0.01, anneal_epochs=9),
}


_Recipes = dict[str, Callable[[dict[str, Any]], Any]]


def _recipes(optimizer: str, scheduler: str = "cosine", dtype: torch.dtype = torch.float32) -> _Recipes:
    return {
        "net": lambda _: Net().to(dtype),
        "optimizer": lambda made: _OPTIMIZERS[optimizer](made["net"].parameters()),
        "scheduler": lambda made: _SCHEDULERS[scheduler](made["optimizer"]),
    }


def _make(recipes: _Recipes) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, make in recipes.items():
        made[key] = make(made)
    return made


def _check_goes_on(recipes: _Recipes, before: int, together: bool) -> None:
    """What follows after the restored state is what followed after the saved one; the state is the same to the bit."""
    torch.manual_seed(0)
    parts = _make(recipes)
    _train(parts, before)
    snapshot = Snapshot()
    for key, value in {"all": parts}.items() if together else parts.items():
        snapshot.save(key, value)
    random = torch.get_rng_state()
    expected = _train(parts, 4)
    torch.manual_seed(5)
    putter, other = snapshot.putter(), {}
    if together:
        other = _make(recipes)
        held = list(other["net"].parameters())
        assert putter.put(snapshot.values["all"], other, {}, "all") == (other, [])
        assert all(one is two for one, two in zip(held, other["net"].parameters(), strict=True))
    else:
        other = _made_one_by_one(recipes, putter, snapshot)
    assert other["optimizer"].param_groups[0]["params"][0] is next(other["net"].parameters())
    saved_again = Snapshot()
    for key, value in {"all": other}.items() if together else other.items():
        saved_again.save(key, value)
    assert saved_again.values == snapshot.values
    assert _content(saved_again) == _content(snapshot)
    torch.set_rng_state(random)
    assert _train(other, 4) == expected


def _made_one_by_one(recipes: _Recipes, putter: Any, snapshot: Snapshot) -> dict[str, Any]:
    """As a script does it: what is made first has its content when the next is made from it."""
    made: dict[str, Any] = {}
    for key, make in recipes.items():
        made[key] = make(made)
        value, notes = putter.put(snapshot.values[key], made[key], {}, key)
        assert (value is made[key], notes) == (True, [])
    return made


def _content(snapshot: Snapshot) -> list[Any]:
    return [(leaf.dtype, leaf.shape, bytes(leaf.data())) for leaf in snapshot.encoder.leaves]


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("before", [0, 5])
@pytest.mark.parametrize("optimizer", sorted(_OPTIMIZERS))
def test_training_goes_on_to_the_bit_with_any_optimizer(optimizer: str, before: int, together: bool) -> None:
    """In half a day's script or in one dictionary, before the first step and later."""
    _check_goes_on(_recipes(optimizer), before, together)


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("scheduler", sorted(_SCHEDULERS))
def test_training_goes_on_to_the_bit_with_any_scheduler(scheduler: str, together: bool) -> None:
    _check_goes_on(_recipes("adam", scheduler), 5, together)
