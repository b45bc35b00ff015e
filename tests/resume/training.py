"""A run of two epochs with all that is random in one: shuffling, two workers that augment, dropout. Prints each loss.

`DIE_AT`: the step in the middle of which the process ends itself, as a machine does whose plug is pulled. `SAVED`: each
step waits until the snapshot before it is on disk.
"""

import os
import random
import signal
import time

import numpy
import torch
from torch.utils.data import DataLoader

import livespark as spark
from livespark.runtime.process import runtime
from tests.resume.ingredients import Noisy, make_net

DIE_AT = int(os.environ.get("DIE_AT", "-1"))
SIGNAL = getattr(signal, os.environ.get("SIGNAL", "SIGKILL"))
WORKERS = int(os.environ.get("WORKERS", "2"))


def await_snapshot() -> None:
    """The one taken between two steps is on disk."""
    end = time.monotonic() + 60
    while "SAVED" in os.environ and runtime.core.saving:
        assert time.monotonic() < end
        time.sleep(0.002)


torch.manual_seed(0)
random.seed(0)
numpy.random.seed(0)
net = spark.persist("net", make_net)
optimizer = spark.persist("optimizer", lambda: torch.optim.Adam(net.parameters(), lr=1e-2))
scheduler = spark.persist(
    "scheduler", lambda: torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-2, total_steps=24)
)
state = spark.persist("state", lambda: {"step": 0})
loader = DataLoader(Noisy(), batch_size=8, shuffle=True, num_workers=WORKERS)

for _epoch in spark.loop("epoch", range(2)):
    for x, y in spark.loop("batch", loader):
        await_snapshot()
        loss = torch.nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        if state["step"] == DIE_AT:
            os.kill(os.getpid(), SIGNAL)
        optimizer.step()
        scheduler.step()
        state["step"] += 1
        print(f"loss {state['step']} {float(loss).hex()} {float(optimizer.param_groups[0]['lr']).hex()}", flush=True)
        spark.log(loss=loss)
