"""Three ways: what the snapshot has, unless the new code or config makes something else than the old one did."""

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import nn

from livespark.runtime.snapshots.plain import CUT, plain_values, same
from tests.unit.snapshots.treeing import Snapshot


@dataclass
class Config:
    lr: float = 0.1
    sizes: list[int] = field(default_factory=lambda: [1, 2])
    epoch: int = 0


def _fork(old: Any, now: Any, change: Any = None) -> tuple[Any, list[str]]:
    """`old` is made, changed by the run, and saved; the fork makes `now`."""
    made = plain_values(old)
    if change is not None:
        change(old)
    return Snapshot().save("it", old, made).put("it", now, plain_values(now))


_DEEP = "a.b.c: 3, not 2"
_TABLE: list[tuple[Any, Any, Any, Any, list[str]]] = [
    # made, saved, made now, in the end, and of each that was kept: its path, what it is, and what it is not
    ({"a": 1}, {"a": 5}, {"a": 1}, {"a": 5}, []),
    ({"a": 1}, {"a": 5}, {"a": 2}, {"a": 2}, ["a: 2, not 5"]),
    ({"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}, ["a: 2, not 1"]),
    ({"a": 1}, {"a": 1, "b": 2}, {"a": 1}, {"a": 1, "b": 2}, []),
    ({"a": 1, "b": 2}, {"a": 1}, {"a": 1, "b": 2}, {"a": 1}, []),
    ({"a": 1}, {"a": 3}, {"a": 1, "new": 2}, {"a": 3, "new": 2}, []),
    ({"a": 1}, {"a": 3}, {"a": 1, "new": {"x": 2}}, {"a": 3, "new": {"x": 2}}, []),
    ({"a": 1, "b": 2}, {"a": 3, "b": 4}, {"a": 1}, {"a": 3}, ["b: nothing, not 4"]),
    ({"a": [1, 2]}, {"a": [7, 2]}, {"a": [1, 2]}, {"a": [7, 2]}, []),
    ({"a": [1, 2]}, {"a": [7, 2]}, {"a": [1, 2, 3]}, {"a": [1, 2, 3]}, ["a: [1, 2, 3], not [7, 2]"]),
    ({"a": (1, 2)}, {"a": (7, 2)}, {"a": (1, 3)}, {"a": (1, 3)}, ["a: (1, 3), not (7, 2)"]),
    ({"a": []}, {"a": [0.5, 0.25]}, {"a": []}, {"a": [0.5, 0.25]}, []),
    ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2}}}, {"a": {"b": {"c": 3}}}, {"a": {"b": {"c": 3}}}, [_DEEP]),
    ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, {"a": [{"b": 3}]}, {"a": [{"b": 3}]}, ["a.0.b: 3, not 2"]),
    ({"a": 1}, {"a": 1}, {"a": True}, {"a": True}, ["a: True, not 1"]),
    ({"_a": 1}, {"_a": 5}, {"_a": 2}, {"_a": 5}, []),
    (Config(), Config(0.5, [1, 2], 9), Config(0.3), Config(0.3, [1, 2], 9), ["lr: 0.3, not 0.5"]),
    (Config(), Config(0.5, [3], 9), Config(0.1, [4]), Config(0.5, [4], 9), ["sizes: [4], not [3]"]),
]  # fmt: skip


@pytest.mark.parametrize(("made", "saved", "now", "expected", "notes"), _TABLE)
def test_what_the_new_code_makes_differently_wins(
    made: Any, saved: Any, now: Any, expected: Any, notes: list[str]
) -> None:
    """Everything else is as in the snapshot."""
    snapshot = Snapshot().save("it", saved, plain_values(made))
    texts = [
        "it {}: {} of the new code or config is kept (the snapshot has {})".format(*_words(note)) for note in notes
    ]
    assert snapshot.put("it", now, plain_values(now)) == (expected, texts)


def _words(note: str) -> list[str]:
    path, _, rest = note.partition(": ")
    return [path, *rest.split(", not ")]


def _adam(lr: float, decay: float = 0.0) -> torch.optim.Optimizer:
    return torch.optim.AdamW([nn.Parameter(torch.ones(2))], lr=lr, weight_decay=decay)


def test_a_hyperparameter_of_the_new_config_stays() -> None:
    """The other ones are those of the snapshot."""

    def decay(optimizer: torch.optim.Optimizer) -> None:
        optimizer.param_groups[0] |= {"lr": 3e-4, "eps": 1e-3}

    optimizer, notes = _fork(_adam(1e-3), _adam(1e-4), decay)
    assert notes == ["it lr: 0.0001 of the new code or config is kept (the snapshot has 0.0003)"]
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["eps"]) == (1e-4, 1e-3)
    assert optimizer.defaults["lr"] == 1e-4


def test_a_hyperparameter_that_the_config_left_alone_is_the_snapshots() -> None:
    optimizer, notes = _fork(_adam(1e-3), _adam(1e-3), lambda each: each.param_groups[0].update(lr=3e-4))
    assert (optimizer.param_groups[0]["lr"], notes) == (3e-4, [])


def test_a_scheduler_does_not_take_the_new_learning_rate_back() -> None:
    """Its snapshot holds the hyperparameters, too; it goes on from its epoch with the new rate."""
    optimizer = _adam(1e-3)
    made = {"optimizer": plain_values(optimizer)}
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5**epoch)
    made["scheduler"] = plain_values(scheduler)
    for _ in range(2):
        optimizer.step()
        scheduler.step()
    snapshot = (
        Snapshot().save("optimizer", optimizer, made["optimizer"]).save("scheduler", scheduler, made["scheduler"])
    )
    putter = snapshot.putter()
    living = _adam(1e-4)
    _, notes = putter.put(snapshot.values["optimizer"], living, plain_values(living), "optimizer")
    assert notes == ["optimizer lr: 0.0001 of the new code or config is kept (the snapshot has 0.00025)"]
    going = torch.optim.lr_scheduler.LambdaLR(living, lambda epoch: 0.5**epoch)
    _, notes = putter.put(snapshot.values["scheduler"], going, plain_values(going), "scheduler")
    assert notes == ["scheduler base_lrs: [0.0001] of the new code or config is kept (the snapshot has [0.001])"]
    assert (going.last_epoch, living.param_groups[0]["lr"]) == (2, 1e-4)
    living.step()
    going.step()
    assert living.param_groups[0]["lr"] == pytest.approx(1e-4 / 8)


class Net(nn.Module):
    def __init__(self, dropout: float, freeze: bool = False) -> None:
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(2, 2)
        self.out.bias.requires_grad_(not freeze)
        self.steps = 0


def test_an_attribute_of_the_new_code_stays() -> None:
    """So does what it freezes; the parameters are those of the snapshot."""
    old, now = Net(0.1), Net(0.5, freeze=True)
    net, notes = _fork(old, now, lambda each: setattr(each, "steps", 4))
    assert notes == ["it drop.p: 0.5 of the new code or config is kept (the snapshot has 0.1)"]
    assert (net.drop.p, net.steps, net.out.bias.requires_grad) == (0.5, 4, False)
    assert torch.equal(net.out.weight, old.out.weight)
    net, notes = _fork(Net(0.1, freeze=True), Net(0.1, freeze=True), lambda each: each.out.bias.requires_grad_(True))
    assert (net.out.bias.requires_grad, notes) == (True, [])


def test_what_is_plain_is_found_by_path() -> None:
    """Private names, tensors and generators are not configuration."""
    value = {"a": 1, "_b": 2, "c": {"d": (0.5, "x"), "e": None}, "net": Net(0.1), "t": torch.ones(2), "f": float("nan")}
    assert plain_values(value) == {
        "a": 1,
        "c": {"$": "dict"},
        "c.d": [0.5, "x"],
        "c.e": None,
        "net": {"$": "Net"},
        "net.steps": 0,
        "net.drop.p": 0.1,
        "net.drop.inplace": False,
        "net.out.in_features": 2,
        "net.out.out_features": 2,
        "t": {"$": "Tensor"},
        "f": {"$": "float"},
    }
    assert plain_values(3) == {"": 3}


def test_only_so_much_is_looked_at() -> None:
    """So many values and so long; what was left out never counts as changed."""
    ticks = iter(range(100))
    large = {f"k{index}": index for index in range(2_000)}
    assert len(plain_values(large)) == 1_001
    assert plain_values(large, seconds=3, clock=lambda: next(ticks)) == {"k0": 0, "k1": 1, "k2": 2, "k3": 3, CUT: True}
    made = plain_values(large, most=2)
    snapshot = Snapshot().save("it", {"k0": 7, "k1": 7, "k2": 7}, made)
    value, notes = snapshot.put("it", {"k0": 9, "k1": 1, "k2": 9}, plain_values({"k0": 9, "k1": 1, "k2": 9}))
    assert value == {"k0": 9, "k1": 7, "k2": 7}
    assert len(notes) == 1


def test_a_value_that_refuses_to_be_looked_at_has_nothing_plain() -> None:
    class Broken:
        def state_dict(self) -> None:
            raise OSError

        def load_state_dict(self, state: Any) -> None: ...

    assert plain_values({"a": 1, "b": Broken()}) == {"a": 1, "b": {"$": "Broken"}, CUT: True}


def test_equal_numbers_of_different_types_are_not_the_same() -> None:
    assert same([1, "a"], [1, "a"])
    assert not any((same(1, 1.0), same(1, True), same([1], [1.0]), same([1], [1, 2]), same(None, False)))
