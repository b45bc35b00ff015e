"""A loop over items of which one is `BAD`, and spoils the state. Prints the items, and the state's rate.

`TENSOR`: what is logged is a tensor. `PASSES`: the bad item is so only in so many passes over it.
"""

import os
import time

import torch

import livespark as spark
from livespark.runtime.process import runtime

BAD = int(os.environ["BAD"])
VALUE = float(os.environ.get("VALUE", "nan"))

weights = spark.persist("weights", lambda: torch.ones(3))
state = spark.persist("state", lambda: {"rate": 1.0})
spark.expose(state=state)
for item in spark.loop("item", range(40)):
    if item == BAD:
        weights.mul_(VALUE)
    loss = weights.mean()
    print("item", item, state["rate"], float(loss), flush=True)
    spark.log(loss=loss if "TENSOR" in os.environ else float(loss))
    while runtime.core.saving:  # so that each snapshot is where it was due
        time.sleep(0.001)
