"""Living modules follow: plain, compiled, wrapped. What TorchScript has compiled does not."""

import warnings
from typing import Any

import pytest
import torch

from livespark.runtime.reload.patch.patcher import Patcher
from livespark.runtime.reload.undo import Refusal, Undo
from tests.unit.reload.living import Living

SOURCE = """
import torch
from torch import nn

def helper(x):
    return x * FACTOR

class Sub(nn.Module):
    def forward(self, x):
        return helper(x) + INNER

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.sub = Sub()
    def forward(self, x):
        return self.sub(x) + OUTER
"""
ONE = torch.ones(1)


def source(factor: int, inner: int, outer: int) -> str:
    return SOURCE.replace("FACTOR", str(factor)).replace("INNER", str(inner)).replace("OUTER", str(outer))


def wrap(kind: str, net: Any) -> Any:
    if kind == "compiled":
        return torch.compile(net, backend="eager")
    return torch.nn.DataParallel(net) if kind == "parallel" else net


@pytest.mark.parametrize("kind", ["plain", "compiled", "parallel"])
@pytest.mark.parametrize("way", ["exchange", "execute"])
def test_the_living_model_follows(kind: str, way: str) -> None:
    """An edited helper, submodule, or the module itself; and all go back."""
    living = Living(source(1, 0, 0))
    net = wrap(kind, living.see("Net()"))
    assert net(ONE).item() == 1
    for factor, inner, outer in ((2, 0, 0), (2, 10, 0), (2, 10, 100)):
        getattr(living, way)(source(factor, inner, outer))
        assert net(ONE).item() == factor + inner + outer
    undo = getattr(living, way)(source(5, 5, 5))
    assert net(ONE).item() == 15
    undo.roll_back()
    assert net(ONE).item() == 112


def test_a_compiled_function_follows() -> None:
    """`torch.compile` as a decorator."""
    text = "import torch\n@torch.compile(backend='eager')\ndef f(x):\n  return x + {}"
    living = Living(text.format(1))
    held = living.names["f"]
    assert held(ONE).item() == 2
    living.exchange(text.format(2))
    assert held(ONE).item() == 3


def test_no_grad_as_a_decorator() -> None:
    """A wrapper made by torch follows, living holders included."""
    text = "import torch\n@torch.no_grad()\ndef f(x):\n  return x + {}"
    living = Living(text.format(1))
    held = living.names["f"]
    living.exchange(text.format(2))
    assert held(ONE).item() == 3
    living.execute(text.format(5))
    assert held(ONE).item() == 6


def test_a_new_submodule_needs_a_migration() -> None:
    """Without one the edit is refused; with one the module gets it, and loses it when taken back."""
    edited = source(1, 0, 0).replace("self.sub = Sub()", "self.sub = Sub(); self.more = nn.Linear(1, 1)")
    living = Living(
        source(1, 0, 0), lambda value: "the persisted value 'net'" if type(value).__name__ == "Net" else None
    )
    net = living.see("Net()")
    living.execute(edited)
    with pytest.raises(Refusal, match="the persisted value 'net' has no more"):
        Patcher(Undo(), living.name_of).renew_instances(living.names["Net"], frozenset({"more"}), "")
    living.execute(edited + "    def __livespark_migrate__(self, old): self.more = nn.Linear(1, 1)\n")
    undo = Undo()
    Patcher(undo, living.name_of).renew_instances(living.names["Net"], frozenset({"more"}), "")
    assert len(list(net.parameters())) == 2
    undo.roll_back()
    assert list(net.parameters()) == []


def test_an_autograd_function_follows() -> None:
    """Forward and backward of the living class, which torch has given a class of its own for the backward pass."""
    text = (
        "import torch\nclass F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x * {0}\n"
        "  @staticmethod\n  def backward(ctx, g): return g * {0}"
    )
    living = Living(text.format(1))
    held = living.names["F"]
    for way, number in (("execute", 2), ("exchange", 3), ("execute", 4), ("exchange", 5)):
        getattr(living, way)(text.format(number)).forget()
        x = torch.ones(1, requires_grad=True)
        y = held.apply(x)
        y.backward()
        assert (y.item(), x.grad.item() if x.grad is not None else None) == (number, number)
    assert held._backward_cls._forward_cls is held


def test_torchscript_does_not_follow() -> None:
    """What it compiled goes on as it was, without harm."""
    text = "import torch\nclass Net(torch.nn.Module):\n  def forward(self, x: torch.Tensor):\n    return x + {}"
    living = Living(text.format(1))
    net = living.see("Net()")
    with warnings.catch_warnings(action="ignore"):
        traced = torch.jit.trace(net, ONE)
    living.exchange(text.format(2))
    assert (net(ONE).item(), traced(ONE).item()) == (3, 2)
