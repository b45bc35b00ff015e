"""What modules and optimizers have besides their `state_dict`: under private names, in plain lists, made late."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from livespark.protocol.ids import RunId
from livespark.protocol.snapshots import Manifest, SnapshotInfo
from livespark.snapshots.folder import ArrayData, Draft, Folder
from tests.unit.snapshots.treeing import Snapshot, back


class Odd(nn.Module):
    """Most of its state is where `state_dict` does not look."""

    def __init__(self, heads: int = 2) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.heads = [nn.Linear(3, 3) for _ in range(heads)]
        self.named = {"last": nn.Linear(3, 3)}
        self.above = [self]
        self._calls, self._ready, self._mean = 0, False, torch.zeros(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self._calls += 1
        if not self._ready:
            self._ready = True
            self.first.register_buffer("scale", torch.full((3,), 2.0))
            self.register_buffer("shift", torch.ones(3), persistent=False)
        self._mean = self._mean + x.mean(0)
        for part in (self.first, *self.heads, *self.named.values()):
            x = part(x)
        return x * self.get_buffer("first.scale") + self.get_buffer("shift") + self._mean * self._calls


def test_what_a_state_dict_does_not_reach_comes_back() -> None:
    net, living = Odd(), Odd()
    net(torch.ones(2, 3))
    held = [*living.heads, *living.named.values()]
    assert back(net, living) is living
    assert [*living.heads, *living.named.values()] == held
    assert living.above == [living]
    assert (living._calls, living._ready) == (1, True)
    assert living.state_dict().keys() == net.state_dict().keys()
    assert torch.equal(living(torch.ones(2, 3)), net(torch.ones(2, 3)))


def test_what_the_script_has_no_place_for_is_told() -> None:
    net, living = Odd(heads=2), Odd(heads=1)
    _, notes = Snapshot().save("it", net).put("it", living)
    assert len(notes) == 1
    assert "heads is as the script makes it: heads.1 is a torch.nn.modules.linear.Linear in the snapshot" in notes[0]
    assert torch.equal(living.first.weight, net.first.weight)


def test_private_names_of_torch_are_left_alone() -> None:
    """They belong to the machinery of this very object."""
    net, living = nn.LSTM(2, 2), nn.LSTM(2, 2)
    tree: dict[str, Any] = Snapshot().save("it", net).values["it"].tree
    assert not [name for name in tree["more"]["attributes"][""] if name.startswith("_")]
    back(net, living)
    assert all(one is other for one, other in zip(living._flat_weights, living.parameters(), strict=True))


class Around(torch.optim.Optimizer):
    """Steps with another optimizer, whose state its own `state_dict` does not have."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {"lr": 0.1})
        self.base = torch.optim.Adam(self.param_groups, lr=0.1)
        self._count = 0

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self._count += 1
        self.base.step(closure)


def test_an_optimizer_around_another_one_comes_back() -> None:
    parameters = [nn.Parameter(torch.ones(3)) for _ in range(2)]
    optimizers = [Around([each]) for each in parameters]
    for factor in (1.0, -2.0):
        (factor * parameters[0]).square().sum().backward()
        optimizers[0].step()
    back((parameters[0], optimizers[0]), (parameters[1], optimizers[1]))
    assert [each._count for each in optimizers] == [2, 2]
    for each in optimizers:
        each.step()
    assert torch.equal(*parameters)


@pytest.mark.parametrize("order", [1, -1])
def test_sparse_and_plain_tensors_go_together(order: int) -> None:
    """Whichever comes first: what is known of the one says nothing of the other, though their class is the same."""
    tensors = [torch.eye(2).to_sparse(), torch.ones(2)][::order]
    restored = back(tensors, [torch.zeros_like(each) for each in tensors])
    assert [each.to_dense().tolist() for each in restored] == [each.to_dense().tolist() for each in tensors]


def test_a_frozen_backbone_is_written_once(tmp_path: Path) -> None:
    """Of a large frozen model with a small trained part only that is written again, however its gradients are."""
    net = nn.Sequential(nn.Linear(256, 256).requires_grad_(False), nn.Linear(256, 2))
    folder = Folder(tmp_path)
    written = []
    for number in (1, 2):
        net(torch.randn(4, 256)).sum().backward()
        torch.optim.SGD(net[1].parameters(), lr=0.1).step()
        snapshot = Snapshot().save("net", net)
        info = SnapshotInfo(number, 0.0, "asked")
        manifest = Manifest(format=1, run=RunId("quiet-otter"), info=info, values=snapshot.values, arrays=[])
        written.append(folder.write(Draft(manifest, [ArrayData(*leaf) for leaf in snapshot.encoder.leaves])).written)
    assert written[0] > 256 * 256 * 4
    assert written[1] < 8 * 1024
