"""A loop whose disk stands still until the pass `OPEN_AT`, or until a while after the script's end (`end`).

From pass `WAIT_FROM` on, each pass waits until nothing is being written.
"""

import os
import threading
import time

import livespark as spark
from livespark.runtime.process import runtime
from livespark.snapshots.disk import Disk
from tests.resume.orders import orders

_fsync = Disk.fsync
_open = threading.Event()
_WAIT_FROM = int(os.environ.get("WAIT_FROM", "1000"))


def _slowly(disk: Disk, fd: int) -> None:
    assert _open.wait(30)
    _fsync(disk, fd)


Disk.fsync = _slowly  # type: ignore[assignment]
state = spark.persist("state", lambda: {"n": 0})
for _ in spark.loop("step", range(40)):
    if str(orders.pass_begins(at_once=True)) == os.environ["OPEN_AT"]:
        _open.set()
    state["n"] += 1
    spark.log(loss=1.0)
    while orders.passes >= _WAIT_FROM and runtime.core.saving:
        time.sleep(0.001)
    time.sleep(0.01)
if os.environ["OPEN_AT"] == "end":
    threading.Timer(0.3, _open.set).start()
print("done", flush=True)
