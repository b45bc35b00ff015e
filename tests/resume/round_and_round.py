"""Goes back `REWINDS` times, or has `SNAPSHOTS` taken; prints what the process holds after the first quarter, and at
the end."""

import gc
import json
import os
import threading
import time
from pathlib import Path

import psutil
import torch
from torch.utils.data import DataLoader

import livespark as spark
from livespark.protocol.commands import Rewind, Snapshot
from livespark.runtime.process import runtime
from livespark.runtime.request import Request
from tests.resume.ingredients import Noisy, make_net
from tests.resume.orders import orders

REWINDS = int(os.environ.get("REWINDS", "0"))
SNAPSHOTS = int(os.environ.get("SNAPSHOTS", "0"))


def measure() -> None:
    gc.collect()
    process = psutil.Process()
    saved = Path.cwd() / "snapshots"
    held = {
        "objects": len(gc.get_objects()),
        "threads": threading.active_count(),
        "files": process.num_fds(),
        "children": len(process.children()),
        "memory": process.memory_info().rss,
        "saved": len(list(saved.rglob("*"))),
    }
    print(json.dumps(held), flush=True)


def save_or_go_back(number: int) -> None:
    if SNAPSHOTS:
        while runtime.core.saving:
            time.sleep(0.0005)
        if number in (SNAPSHOTS // 4, SNAPSHOTS):
            measure()
    elif number == 2:
        runtime.core.ask(Request(Snapshot(), runtime.core.outbox))
    elif number > 3 and number <= 3 + REWINDS:
        while runtime.core.saving:
            time.sleep(0.0005)
        runtime.core.ask(Request(Rewind(), runtime.core.outbox))
        if number in (3 + REWINDS // 4, 3 + REWINDS):
            measure()


net = spark.persist("net", make_net)
optimizer = spark.persist("optimizer", lambda: torch.optim.Adam(net.parameters(), lr=1e-2))
loader = DataLoader(Noisy(), batch_size=16, shuffle=True, num_workers=int(os.environ.get("WORKERS", "0")))
for _epoch in spark.loop("epoch", range(SNAPSHOTS // 6 + 1)):
    for x, y in spark.loop("batch", loader):
        loss = torch.nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        spark.log(loss=loss.detach())
        save_or_go_back(orders.pass_begins())
