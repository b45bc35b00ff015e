"""Tensors, optimizers, schedulers and modules. Edits are proven by what training does afterwards."""

import gc
import subprocess
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from livespark.errors import CommandRefused
from livespark.protocol import codec
from livespark.protocol.live import Field, Shape
from livespark.runtime.exposed.edits import Applied
from livespark.runtime.exposed.exposed import Exposed
from livespark.runtime.exposed.modules import Tables


def exposing(**bindings: Any) -> Exposed:
    exposed = Exposed()
    exposed.replace(bindings)
    return exposed


def values(exposed: Exposed) -> dict[str, Any]:
    exposed.sample()
    delta = exposed.delta(full=True)
    assert delta is not None
    codec.encode(delta.values)
    return delta.values


def fields(exposed: Exposed) -> dict[str, Field]:
    delta = exposed.delta(full=True)
    assert delta is not None
    assert delta.fields is not None
    return delta.fields


def edit(exposed: Exposed, path: str, value: Any) -> Applied:
    return exposed.prepare({path: codec.to_node(value)}).apply()


def refusal(exposed: Exposed, path: str, value: Any) -> str:
    with pytest.raises(CommandRefused) as refused:
        edit(exposed, path, value)
    return str(refused.value)


def net() -> nn.Linear:
    return nn.Linear(2, 1)


def test_tensors_in_main_memory_show_their_numbers() -> None:
    """Without dimensions: as a number. Small: with data. On a device, large, of another layout: shape and type."""
    shown = values(
        exposing(
            t={
                "zero": torch.tensor(1.5),
                "int": torch.tensor(3),
                "flag": torch.tensor(True),
                "bf16": torch.ones(2, dtype=torch.bfloat16),
                "grad": torch.ones(1, requires_grad=True),
                "large": torch.zeros(2_000),
                "meta": torch.zeros(2, device="meta"),
                "sparse": torch.eye(2).to_sparse(),
                "complex": torch.zeros(1, dtype=torch.complex64),
                "bools": torch.tensor([True, False]),
            }
        )
    )
    assert shown["t.zero"] == 1.5
    assert shown["t.int"] == 3
    assert shown["t.flag"] is True
    assert shown["t.bf16"] == {"$": "array", "shape": [2], "dtype": "bfloat16", "device": "cpu", "data": [1.0, 1.0]}
    assert shown["t.grad"]["data"] == [1.0]
    assert shown["t.meta"] == {"$": "array", "shape": [2], "dtype": "float32", "device": "meta"}
    assert shown["t.bools"]["data"] == [1, 0]
    for name in ("large", "sparse", "complex"):
        assert "data" not in shown[f"t.{name}"]


def test_tensors_are_edited_in_place() -> None:
    """The script's own tensor takes the number; gradients and devices are left alone."""
    zero, matrix = torch.tensor(1.5), torch.zeros(2, 2)
    grad, meta = torch.tensor(1.0, requires_grad=True), torch.tensor(1.0, device="meta")
    exposed = exposing(zero=zero, matrix=matrix, grad=grad, meta=meta, weights=torch.ones(1, requires_grad=True))
    assert edit(exposed, "zero", 2).values == {"zero": 2.0}
    assert edit(exposed, "matrix.1.0", 5).values == {"matrix.1.0": 5.0}
    assert zero.item() == 2.0
    assert matrix[1, 0] == 5.0
    assert refusal(exposed, "grad", 2) == "grad can't be set: it is a tensor that requires gradients"
    assert refusal(exposed, "weights.0", 2) == "weights.0 can't be set: it is a tensor that requires gradients"
    assert refusal(exposed, "meta", 2) == "meta can't be set: it is a tensor of torch.float32 on meta"
    assert refusal(exposed, "zero", "x") == "zero must be a number, not 'x'"
    assert fields(exposed)["zero"] == Field(Shape("float"))
    assert fields(exposed)["grad"].read_only == "is a tensor that requires gradients"
    assert "meta" not in fields(exposed)


def test_hyperparameters_of_one_group_are_right_below_the_optimizer() -> None:
    """No parameters, no switches between implementations; every one with its bounds."""
    exposed = exposing(optimizer=torch.optim.AdamW(net().parameters(), lr=1e-3, weight_decay=0))
    shown, described = values(exposed), fields(exposed)
    assert shown["optimizer"] == {"$": "object", "type": "AdamW", "n": 7}
    assert shown["optimizer.lr"] == 1e-3
    assert shown["optimizer.betas.1"] == 0.999
    assert "optimizer.params" not in shown
    assert "optimizer.foreach" not in shown
    assert described["optimizer.lr"] == Field(Shape("float", minimum=0))
    assert described["optimizer.weight_decay"] == Field(Shape("float", minimum=0))
    assert described["optimizer.betas.0"] == Field(Shape("float", minimum=0, maximum=1))
    assert "decides which state" in described["optimizer.amsgrad"].read_only


def test_an_edited_rate_and_edited_betas_are_what_the_next_step_uses() -> None:
    """The parameter moves by the new rate; betas become a new tuple."""
    weight = nn.Parameter(torch.zeros(1))
    sgd, adam = torch.optim.SGD([weight], lr=1.0), torch.optim.Adam(net().parameters())
    exposed = exposing(sgd=sgd, adam=adam)
    edit(exposed, "sgd.lr", 0.25)
    weight.grad = torch.ones(1)
    sgd.step()
    assert weight.item() == -0.25
    edit(exposed, "adam.betas.0", 0.5)
    assert adam.param_groups[0]["betas"] == (0.5, 0.999)
    assert edit(exposed, "adam.betas", [0.8, 0.9]).values == {"adam.betas": [0.8, 0.9]}
    assert adam.param_groups[0]["betas"] == (0.8, 0.9)
    assert type(edit(exposed, "sgd.momentum", 1).values["sgd.momentum"]) is float


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("o.lr", float("nan"), "o.lr must be a finite number, not nan"),
        ("o.lr", -1, "o.lr must be at least 0, not -1.0"),
        ("o.betas.0", 1, "o.betas.0 must be below 1, not 1.0"),
        ("o.betas", [0.5], "o.betas must be a list of 2, not of 1"),
        ("o.amsgrad", True, "o.amsgrad can't be set: it decides which state"),
        ("o.params", [], "there is no value 'o.params'"),
        ("o", {"lr": 1}, "o can't be set: it is a Adam; set its parts one by one"),
    ],
)
def test_impossible_hyperparameters_are_refused(path: str, value: Any, sentence: str) -> None:
    """What torch's constructors refuse is refused here, and nothing has changed."""
    optimizer = torch.optim.Adam(net().parameters())
    before = {name: item for name, item in optimizer.param_groups[0].items() if name != "params"}
    assert refusal(exposing(o=optimizer), path, value).startswith(sentence)
    assert {name: item for name, item in optimizer.param_groups[0].items() if name != "params"} == before


def test_momentum_can_not_be_added_where_there_is_no_state_for_it() -> None:
    """RMSprop would fail at its next step; SGD makes what it needs."""
    weight = nn.Parameter(torch.zeros(1))
    rms, sgd = torch.optim.RMSprop([weight]), torch.optim.SGD([weight])
    exposed = exposing(rms=rms, sgd=sgd)
    weight.grad = torch.ones(1)
    rms.step()
    sgd.step()
    assert "without momentum" in refusal(exposed, "rms.momentum", 0.9)
    edit(exposed, "sgd.momentum", 0.9)
    sgd.step()


def test_several_groups_have_numbers() -> None:
    """`optimizer.groups.1.lr`, also after a group was added."""
    first, second = net(), net()
    optimizer = torch.optim.SGD(first.parameters(), lr=0.1)
    exposed = exposing(o=optimizer)
    assert "o.lr" in values(exposed)
    optimizer.add_param_group({"params": second.parameters(), "lr": 0.2})
    shown = values(exposed)
    assert shown["o"] == {"$": "object", "type": "SGD", "n": 1}
    assert shown["o.groups"] == {"$": "list", "n": 2}
    assert shown["o.groups.1.lr"] == 0.2
    edit(exposed, "o.groups.1.lr", 0.3)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.3]
    assert refusal(exposed, "o.lr", 1).startswith("there is no value 'o.lr'")


def test_a_rate_that_is_a_tensor_is_filled_in_place() -> None:
    """A compiled step holds the tensor itself."""
    rate = torch.tensor(0.1)
    optimizer = torch.optim.SGD(net().parameters(), lr=rate)
    exposed = exposing(o=optimizer)
    assert values(exposed)["o.lr"] == pytest.approx(0.1)
    edit(exposed, "o.lr", 0.5)
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == 0.5
    assert fields(exposed)["o.lr"] == Field(Shape("float", minimum=0))


SCHEDULERS: dict[str, Callable[[Any], Any]] = {
    "step": lambda o: lr_scheduler.StepLR(o, 2, gamma=0.5),
    "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda step: 1 / (step + 1)),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 10),
    "one cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=20, cycle_momentum=False),
    "cyclic": lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, step_size_up=3, cycle_momentum=False),
    "sequential": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.1, total_iters=4), lr_scheduler.ExponentialLR(o, 0.9)], [4]
    ),
}


@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step")
@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("looked_at", [False, True])
def test_a_scheduler_goes_on_in_proportion(name: str, looked_at: bool) -> None:
    """After an edit to a third every later rate is a third of what it would have been; the note says so."""
    plain, scheduler = scheduled(name)
    edited, other = scheduled(name)
    vars(other) if looked_at else None
    ran = [run(plain, scheduler, 3), run(edited, other, 3)]
    assert ran[0] == ran[1]
    applied = edit(exposing(o=edited), "o.lr", edited.param_groups[0]["lr"] / 4)
    assert applied.note == "the scheduler's base rates were rescaled by 0.25"
    assert run(edited, other, 8) == pytest.approx([rate / 4 for rate in run(plain, scheduler, 8)])


def scheduled(name: str) -> tuple[torch.optim.Optimizer, Any]:
    optimizer = torch.optim.SGD(net().parameters(), lr=0.1)
    return optimizer, SCHEDULERS[name](optimizer)


def run(optimizer: torch.optim.Optimizer, scheduler: Any, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        optimizer.step()
        scheduler.step()
        rates.append(float(optimizer.param_groups[0]["lr"]))
    return rates


def test_rates_of_zero_are_said_not_to_be_followed() -> None:
    """No factor leads to or from 0; the base rates stay, and the note says what will happen."""
    optimizer, scheduler = scheduled("step")
    applied = edit(exposing(o=optimizer), "o.lr", 0)
    assert "will set the rate again" in applied.note
    assert scheduler.base_lrs == [0.1]


def test_a_refused_edit_puts_the_base_rates_back() -> None:
    """The rate, its scheduler and everything set together."""

    class Refusing:
        @property
        def value(self) -> int:
            return 1

        @value.setter
        def value(self, value: int) -> None:
            raise ValueError("never")

    optimizer, scheduler = scheduled("step")
    planned = exposing(o=optimizer, r=Refusing()).prepare({"o.lr": 0.05, "r.value": 2})
    with pytest.raises(CommandRefused, match="never"):
        planned.apply()
    assert optimizer.param_groups[0]["lr"] == optimizer.param_groups[0]["initial_lr"] == 0.1
    assert scheduler.base_lrs == [0.1]
    assert scheduler.get_last_lr() == [0.1]


def test_schedulers_show_their_plain_numbers() -> None:
    """Own numbers, base rates, last rates; not the optimizer once more. The last rates can't be edited."""
    optimizer, scheduler = scheduled("step")
    exposed = exposing(s=scheduler)
    assert values(exposed) == {
        "s": {"$": "object", "type": "StepLR", "n": 5},
        "s.step_size": 2,
        "s.gamma": 0.5,
        "s.base_lrs": {"$": "list", "n": 1},
        "s.base_lrs.0": 0.1,
        "s.last_epoch": 0,
        "s.last_lr": {"$": "list", "n": 1},
        "s.last_lr.0": 0.1,
    }
    edit(exposed, "s.gamma", 1)
    assert scheduler.gamma == 1.0
    assert "is what the scheduler set last" in refusal(exposed, "s.last_lr.0", 1)
    assert "is what the scheduler set last" in refusal(exposed, "s.last_lr", [1])
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_modules_show_a_table_of_their_parameters() -> None:
    """Names, shapes, types, counts; and the module's own plain numbers."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.width = 4
            self.first = nn.Linear(3, 4)
            self.lazy = nn.LazyLinear(2)
            self.first.bias.requires_grad = False

    module = Net()
    exposed = exposing(net=module)
    shown = values(exposed)
    assert shown["net"] == {
        "$": "module",
        "type": "Net",
        "parameters": 16,
        "trainable": 12,
        "rows": [
            ["first.weight", [4, 3], "float32", 12, True],
            ["first.bias", [4], "float32", 4, False],
            ["lazy.weight", [], "float32", 0, True],
            ["lazy.bias", [], "float32", 0, True],
        ],
    }
    assert shown["net.width"] == 4
    assert shown["net.training"] is True
    assert "train() and eval()" in refusal(exposed, "net.training", False)
    edit(exposed, "net.width", 5)
    assert module.width == 5


def test_a_table_is_made_seldom_and_keeps_no_module_alive() -> None:
    """Parameters are not walked at every sample; a table is made anew after a while, and forgotten with its module."""
    now = [0.0]
    tables, module = Tables(lambda: now[0]), net()
    first = tables.node(module)
    module.bias.requires_grad = False
    assert tables.node(module) is first
    now[0] = 6.0
    assert tables.node(module)["trainable"] == 2
    reference = weakref.ref(module)
    del module
    gc.collect()
    assert reference() is None


def test_a_snapshot_keeps_no_tensor_alive() -> None:
    """What the script lets go is freed."""
    state = {"tensor": torch.zeros(10), "optimizer": torch.optim.SGD(net().parameters())}
    references = [weakref.ref(item) for item in state.values()]
    exposed = exposing(s=state)
    exposed.delta(full=True)
    state.clear()
    gc.collect()
    assert [reference() for reference in references] == [None, None]


def test_results_with_large_tensors_bring_statistics() -> None:
    """What is too large to be listed is summed up."""
    node = Exposed().encode(
        {"t": torch.arange(2_000.0), "n": np.full(2_000, np.nan), "m": torch.zeros(2_000, device="meta")}
    )
    assert node["t"]["stats"] == {"min": 0.0, "max": 1999.0, "mean": 999.5, "std": pytest.approx(577.35, abs=0.01)}
    assert node["n"]["stats"]["mean"] == "nan"
    assert "stats" not in node["m"]


def test_neither_library_is_imported_by_us() -> None:
    """A script without torch and numpy pays nothing for them."""
    code = (
        "import sys; from livespark.runtime.exposed.exposed import Exposed; e = Exposed(); e.replace({'s': {'a': 1}});"
        "e.encode(object()); e.prepare({'s.a': 2}).apply(); print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
