"""Tensors that are spread over processes, here over one: saved piece by piece, and put back to the bit."""

from typing import Any, cast

import pytest
import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor

from livespark.runtime.snapshots.putting import Unfit
from livespark.runtime.snapshots.sharded import Piece
from livespark.runtime.snapshots.torch_checkpoint import TorchShards
from livespark.runtime.snapshots.trees import Unsavable
from tests.unit.snapshots.treeing import Snapshot, back


def _trained(mesh: DeviceMesh, steps: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    fully_shard(net[0], mesh=mesh)
    fully_shard(net, mesh=mesh)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    _train(net, optimizer, steps)
    return net, optimizer


def _train(net: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> list[float]:
    made = torch.Generator().manual_seed(steps)
    losses = []
    for _ in range(steps):
        loss = net(torch.randn(6, 4, generator=made)).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("before", [0, 2])
def test_a_sharded_model_trains_on_to_the_bit(mesh: DeviceMesh, before: int) -> None:
    """With its gradients and Adam's state, whatever the new model had of these."""
    torch.manual_seed(0)
    trained, living = _trained(mesh, 3), _trained(mesh, before)
    snapshot = Snapshot().save("it", trained)
    assert snapshot.encoder.pickles == []
    restored, notes = snapshot.put("it", living)
    assert notes == []
    assert restored[0] is living[0]
    gradients = [[cast(DTensor, each.grad).to_local() for each in net.parameters()] for net, _ in (trained, living)]
    assert all(map(torch.equal, *gradients))
    assert _train(*living, 3) == _train(*trained, 3)


@pytest.mark.parametrize("placement", [Shard(0), Shard(1), Replicate()])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64])
def test_a_sharded_tensor_comes_back_spread_as_the_script_wants_it(
    mesh: DeviceMesh, placement: Shard | Replicate, dtype: torch.dtype
) -> None:
    whole = torch.arange(12).reshape(3, 4).to(dtype)
    saved = distribute_tensor(whole, mesh, [placement])
    living = distribute_tensor(torch.zeros_like(whole), mesh, [Shard(0)])
    assert back(saved, living) is living
    assert living.placements == (Shard(0),)
    assert torch.equal(living.full_tensor(), whole)


def test_a_pieces_bytes_are_written_once(mesh: DeviceMesh) -> None:
    tensor = distribute_tensor(torch.ones(5, 2), mesh, [Shard(0)])
    snapshot = Snapshot().save("it", [tensor, tensor])
    assert [leaf.shape for leaf in snapshot.encoder.leaves] == [(5, 2)]
    living = [distribute_tensor(torch.zeros(5, 2), mesh, [Shard(0)]) for _ in range(2)]
    restored = snapshot.put("it", living)[0]
    assert restored[0] is restored[1] is living[0]


def test_what_one_process_has_is_what_would_be_planned(mesh: DeviceMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = distribute_tensor(torch.ones(5, 2), mesh, [Shard(0)])
    [simple] = TorchShards().pieces(tensor)
    monkeypatch.setattr(DeviceMesh, "size", lambda *_: 2)
    [planned] = TorchShards().pieces(tensor)
    assert simple.at == planned.at == (0, 0)
    assert simple.tensor.data_ptr() == planned.tensor.data_ptr()
    assert simple.tensor.shape == planned.tensor.shape


def test_several_pieces_are_put_together(mesh: DeviceMesh) -> None:
    """As several processes had saved them: none of them is as large as what this process has."""
    whole = torch.arange(24.0).reshape(6, 4)
    living = distribute_tensor(torch.zeros(6, 4), mesh, [Shard(1)])
    pieces = [Piece((at, 0), whole[at : at + 2]) for at in (4, 0, 2)]
    TorchShards().fill(living, pieces)
    assert torch.equal(living.full_tensor(), whole)
    with pytest.raises(ValueError, match="have 16 numbers, and not 24"):
        TorchShards().fill(living, pieces[1:])


@pytest.mark.parametrize(
    ("living", "text"),
    [
        (torch.zeros(4), "is a tensor spread over processes in the snapshot, and not so in the script"),
        ((5,), r"is \[5\] in the script and \[4\] in the snapshot"),
    ],
)
def test_what_does_not_fit_a_sharded_tensor_is_told(mesh: DeviceMesh, living: Any, text: str) -> None:
    other = distribute_tensor(torch.zeros(living), mesh, [Shard(0)]) if isinstance(living, tuple) else living
    with pytest.raises(Unfit, match=text):
        Snapshot().save("it", [distribute_tensor(torch.ones(4), mesh, [Shard(0)])]).put("it", [other])


def test_several_processes_are_refused(mesh: DeviceMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = distribute_tensor(torch.ones(4), mesh, [Shard(0)])
    monkeypatch.setattr(DeviceMesh, "size", lambda _: 2)
    with pytest.raises(Unsavable, match=r"persist\('it'\) is spread over 2 processes, which can't be saved yet"):
        Snapshot().save("it", tensor)
