"""A run of two epochs with all that is random in one, which goes back where `ORDERS` says so.

It prints each loss with the number of the pass. `WITHIN`: the checkpoint at which orders are met stands in the middle
of a step, too. `RAISES`: the pass in which it raises; `RAISES_AFTER`: the one behind which it raises once at its top.
"""

import os
import random

import numpy
import torch
from torch.utils.data import DataLoader

import livespark as spark
from tests.resume.ingredients import Noisy, make_net
from tests.resume.orders import orders

WORKERS = int(os.environ.get("WORKERS", "0"))

torch.manual_seed(0)
random.seed(0)
numpy.random.seed(0)
net = spark.persist("net", make_net)
optimizer = spark.persist("optimizer", lambda: torch.optim.Adam(net.parameters(), lr=1e-2))
scheduler = spark.persist(
    "scheduler", lambda: torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-2, total_steps=100)
)
state = spark.persist("state", lambda: {"step": 0, "scale": 1.0})
loader = DataLoader(Noisy(), batch_size=8, shuffle=True, num_workers=WORKERS)
if orders.passes and orders.passes == int(os.environ.pop("RAISES_AFTER", "0")):
    raise RuntimeError("as ordered")
if "EXPOSE" in os.environ:
    spark.expose(optimizer=optimizer, state=state)

for _epoch in spark.loop("epoch", range(2)):
    for x, y in spark.loop("batch", loader):
        number = orders.pass_begins()
        if "WITHIN" in os.environ:
            spark.checkpoint()
        if number == int(os.environ.get("RAISES", "0")):
            raise RuntimeError("as ordered")
        loss = state["scale"] * torch.nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        state["step"] += 1
        print(f"loss {state['step']} {float(loss).hex()} {float(optimizer.param_groups[0]['lr']).hex()}", flush=True)
        spark.log(loss=loss)
