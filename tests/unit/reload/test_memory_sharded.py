"""Copies in memory of what FSDP makes of a model: tensors spread over processes, and tensors without memory."""

import pytest
import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard

from livespark.runtime.reload.memory import Memory
from livespark.runtime.snapshots.host import HostCopies


def _step(net: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> float:
    loss = net(torch.randn(3, 4, generator=torch.Generator().manual_seed(seed))).square().sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.detach())


@pytest.mark.parametrize("on_host", [True, False])
def test_a_sharded_model_goes_back_to_the_bit(mesh: DeviceMesh, on_host: bool) -> None:
    """Also after its gradients have gone; it is the very same parameters that have their numbers again."""
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    fully_shard(net[0], mesh=mesh)
    fully_shard(net, mesh=mesh)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    _step(net, optimizer, 0)
    parameters, values = list(net.parameters()), {"net": net, "optimizer": optimizer}
    memory = Memory.take(values, HostCopies() if on_host else None)
    assert memory.left_out == []
    gradients = [each.grad.full_tensor().clone() for each in parameters]  # type: ignore[union-attr]
    first = [_step(net, optimizer, seed) for seed in (1, 2, 3)]
    for _ in range(2):
        optimizer.zero_grad()
        memory.put_back(values)
        assert memory.left_out == []
        assert all(one is other for one, other in zip(net.parameters(), parameters, strict=True))
        now = [each.grad.full_tensor() for each in parameters]  # type: ignore[union-attr]
        assert all(map(torch.equal, now, gradients))
        assert [_step(net, optimizer, seed) for seed in (1, 2, 3)] == first


def test_a_tensor_whose_memory_was_given_back_is_left_alone() -> None:
    """Be it when the copy is taken, or when it is put back: torch itself would end the process."""
    freed, later, shared = torch.ones(1 << 20), torch.ones(1 << 20), torch.ones(6)
    views = [shared.unfold(0, 4, 1), shared.expand(1 << 20, 6), shared[4:]]
    freed.untyped_storage().resize_(0)
    values = {"it": [freed, later, *views]}
    memory = Memory.take(values, HostCopies())
    later.untyped_storage().resize_(0)
    shared.zero_()
    memory.put_back(values)
    assert [each.untyped_storage().nbytes() for each in (freed, later)] == [0, 0]
    assert torch.equal(shared, torch.ones(6))
    assert memory.left_out == []
