"""Define, expose, and wait: the page decides what happens and when.

    livespark dev examples/workbench.py

Then call `train(epochs=20)` on the page, in the terminal (`livespark call train epochs=20`), or from Python
(`spark.connect().train(epochs=20)`). It can be paused and its numbers changed while it trains.
"""

from typing import Literal

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

import livespark as spark

digits = load_digits()
images, labels = torch.tensor(digits.data, dtype=torch.float32) / 16, torch.tensor(digits.target)
net = spark.persist("net", lambda: nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)))
state = spark.persist("state", lambda: {"lr": 0.01, "accuracy": 0.0, "trained": 0})


def train(epochs: int = 10, optimizer: Literal["adam", "sgd"] = "adam") -> float:
    """Train on all but the last 297 images; returns the accuracy on those."""
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimizer]
    steps = kind(net.parameters(), lr=state["lr"])
    for _ in spark.loop("epoch", range(epochs)):
        for picked in torch.randperm(1500).split(50):
            steps.param_groups[0]["lr"] = state["lr"]
            loss = functional.cross_entropy(net(images[picked]), labels[picked])
            steps.zero_grad()
            loss.backward()
            steps.step()
            spark.log(loss=loss)
            spark.checkpoint()
        state["trained"] += 1
        accuracy()
    return accuracy()


@torch.no_grad()
def accuracy() -> float:
    """The share of right answers on the last 297 images."""
    state["accuracy"] = (net(images[1500:]).argmax(1) == labels[1500:]).float().mean().item()
    return float(state["accuracy"])


spark.expose(state=state, net=net, train=train, accuracy=accuracy)
spark.serve()
