"""A training loop with everything in it that an edit could disturb."""

import random

import numpy
import stepping
import torch
from helpers import augment, digest, make_loss
from model import Net
from torch.utils.data import DataLoader, TensorDataset

import livespark as spark

random.seed(1)
numpy.random.seed(1)
torch.manual_seed(1)
torch.set_num_threads(1)

BATCH = 8


def make_data():
    x = torch.randn(96, 6)
    return TensorDataset(x, x.sum(1).sin())


net = spark.persist("net", Net)
optimizer = spark.persist("optimizer", lambda: torch.optim.Adam(net.parameters(), lr=0.01))
scheduler = spark.persist("scheduler", lambda: torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.999))
state = spark.persist("state", lambda: {"step": 0, "losses": []})
loader = DataLoader(spark.persist("data", make_data), BATCH, shuffle=True)
loss_of = make_loss(1.0)


def train():
    for x, y in spark.loop("batches", loader):
        loss = loss_of(net(augment(x)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        state["step"] += 1
        state["losses"].append(loss.item())
        spark.log(loss=loss, step=state["step"])
        stepping.report([len(state["losses"]), state["step"], loss.item().hex(), digest(net, optimizer, scheduler)])


for epoch in spark.loop("epochs", range(1_000_000)):
    train()
