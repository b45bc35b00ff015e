"""A script that does something when it is stopped, or at its end. `PARTING`: "return", "again" (another SIGTERM comes
while it unwinds), or "label" (it is not stopped, and asks for snapshots in its last lines). Prints what it draws."""

import os
import random

import livespark as spark
from livespark.runtime.process import runtime

PARTING = os.environ.get("PARTING", "")

random.seed(0)
state = spark.persist("state", lambda: {"step": 0})
try:
    for item in spark.loop("item", range(8)):
        state["step"] += 1
        print("drawn", item, state["step"], random.random(), flush=True)
        if item == 3 and PARTING in ("return", "again"):
            runtime.terminate()
except spark.SparkStopError:
    random.random()
    if PARTING == "again":
        runtime.terminate()
        raise
if PARTING == "label":
    state["step"] = 100
    spark.snapshot("trained")
    spark.snapshot("exported")
