"""A script that shuffles by itself in each epoch, and has two loops in it; without a seed. Prints what it draws
and what it is over."""

import random

import torch

import livespark as spark
from tests.resume.orders import orders

state = spark.persist("state", lambda: {"step": 0})


def passed(item: object) -> None:
    orders.pass_begins()
    state["step"] += 1
    print(state["step"], item, random.random(), float(torch.rand(())), flush=True)
    spark.log(loss=1.0)


for _epoch in spark.loop("epoch", range(3)):
    order = list(range(4))
    random.shuffle(order)
    for item in spark.loop("train", order):
        passed(item)
    for batch in spark.loop("test", [[0, 1], [2, 3]]):
        passed(batch)
