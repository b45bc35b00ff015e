"""A run whose model is spread over processes by FSDP2, over one here. Prints each loss.

`DIE_AT`, `SAVED`: as in `training.py`.
"""

import os
import signal
import time

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.utils.data import DataLoader, TensorDataset

import livespark as spark
from livespark.runtime.process import runtime

DIE_AT = int(os.environ.get("DIE_AT", "-1"))
dist.init_process_group("cpu:gloo", store=dist.HashStore(), rank=0, world_size=1)  # type: ignore[attr-defined]
mesh = init_device_mesh("cpu", (1,))
torch.manual_seed(0)


def make_net() -> torch.nn.Module:
    net = torch.nn.Sequential(
        torch.nn.Linear(16, 32), torch.nn.BatchNorm1d(32), torch.nn.Dropout(0.3), torch.nn.Linear(32, 4)
    )
    for part in (net[0], net[3], net):
        fully_shard(part, mesh=mesh)
    return net


def await_snapshot() -> None:
    end = time.monotonic() + 60
    while "SAVED" in os.environ and runtime.core.saving:
        assert time.monotonic() < end
        time.sleep(0.002)


net = spark.persist("net", make_net)
optimizer = spark.persist("optimizer", lambda: torch.optim.Adam(net.parameters(), lr=1e-2))
state = spark.persist("state", lambda: {"step": 0})
made = torch.Generator().manual_seed(3)
data = TensorDataset(torch.randn(64, 16, generator=made), torch.randint(0, 4, (64,), generator=made))

for x, y in spark.loop("batch", DataLoader(data, batch_size=4, shuffle=True)):
    await_snapshot()
    loss = torch.nn.functional.cross_entropy(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    if state["step"] == DIE_AT:
        os.kill(os.getpid(), signal.SIGKILL)
    optimizer.step()
    state["step"] += 1
    print(f"loss {state['step']} {float(loss.detach()).hex()}", flush=True)
    spark.log(loss=loss)
