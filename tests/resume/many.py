"""One run with much of what scripts have: gradient accumulation, bfloat16, three optimizers, averaged weights, state
under private names and in plain lists, buffers made late, samplers that count. `DIE_AT`, `SAVED`: as in `training.py`.
"""

import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy
import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset, DistributedSampler, Sampler

import livespark as spark
from livespark.runtime.process import runtime

DIE_AT = int(os.environ.get("DIE_AT", "-1"))


class Data(Dataset[tuple[Tensor, Tensor, int]]):
    def __init__(self) -> None:
        made = torch.Generator().manual_seed(3)
        self.x, self.y = torch.randn(48, 8, generator=made), torch.randint(0, 4, (48,), generator=made)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, int]:
        return self.x[index] + 0.1 * (random.random() + numpy.random.rand()), self.y[index], index % 12


class Endless(Sampler[int]):
    """It counts its epochs itself."""

    def __init__(self, size: int) -> None:
        self.size, self.epoch = size, 0

    def __iter__(self) -> Iterator[int]:
        while True:
            order = torch.randperm(self.size, generator=torch.Generator().manual_seed(self.epoch))
            self.epoch += 1
            yield from order.tolist()


class Adapted(nn.Module):
    """A frozen layer with a small trained one beside it."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down, self.up = nn.Linear(8, 2, bias=False), nn.Linear(2, 16, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.base(x) + self.up(self.down(x))
        return out


class Scaling(nn.Module):
    """It has its buffers only from its first batch on."""

    scale: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        self._initialized = False

    def forward(self, x: Tensor) -> Tensor:
        if not self._initialized:
            self._initialized = True
            self.register_buffer("scale", x.detach().float().std(0))
            self.register_buffer("shift", x.detach().float().mean(0), persistent=False)
        return (x - self.shift) / self.scale


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(12, 8, sparse=True)
        self.first = Adapted(nn.Linear(8, 16))
        self.normed = nn.utils.parametrizations.weight_norm(nn.Linear(16, 16))
        self.spectral = nn.utils.parametrizations.spectral_norm(nn.Linear(16, 16))
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(16, 4)
        self.side = [nn.Linear(16, 4)]
        self._calls = 0
        self._running = torch.zeros(4)

    def forward(self, x: Tensor, token: Tensor) -> Tensor:
        self._calls += 1
        hidden = trainer.scaling(self.first(x + self.embed(token)))
        hidden = self.drop(self.spectral(self.normed(hidden).relu()))
        out: Tensor = self.out(hidden) + self.side[0](hidden) + self._running * 0.1 + self._calls / 100
        self._running = 0.9 * self._running + 0.1 * out.detach().mean(0)
        return out


class Trainer:
    def __init__(self) -> None:
        self.net, self.scaling = Net(), Scaling()
        dense = [each for name, each in self.net.named_parameters() if each.requires_grad and "embed" not in name]
        dense += self.net.side[0].parameters()
        adam = torch.optim.Adam([each for each in dense if each.dim() != 2], lr=1e-2)
        muon = torch.optim.Muon([each for each in dense if each.dim() == 2], lr=1e-3)
        sparse = torch.optim.SparseAdam(self.net.embed.parameters(), lr=1e-2)
        self.optimizers = [adam, muon, sparse]
        warm_up = lr_scheduler.LinearLR(adam, 0.1, total_iters=4)
        cosine = lr_scheduler.CosineAnnealingLR(adam, 20)
        self.schedulers = [
            lr_scheduler.SequentialLR(adam, [warm_up, cosine], milestones=[4]),
            SWALR(muon, swa_lr=5e-4, anneal_epochs=8),
        ]
        self.plateau = lr_scheduler.ReduceLROnPlateau(sparse, patience=1, cooldown=1)
        self.scaler = torch.amp.GradScaler("cpu", init_scale=128.0)
        self._number = 0

    def backward(self, loss: Tensor) -> int:
        """-> the number of the batch. The optimizers step at each third."""
        self.scaler.scale(loss).backward()
        self._number += 1
        if self._number == DIE_AT + 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._number % 3 == 0:
            for each in self.optimizers:
                each.step()
                each.zero_grad()
            for scheduler in self.schedulers:
                scheduler.step()
            self.plateau.step(float(loss.detach()))
            average.update_parameters(self.net)
        return self._number


@dataclass
class Stats:
    mean: Tensor
    best: float = float("inf")
    seen: set[int] = field(default_factory=set)
    history: list[float] = field(default_factory=list)

    def add(self, number: int, out: Tensor, loss: float) -> None:
        self.mean = 0.9 * self.mean + out.detach().float().mean(0)
        self.best = min(self.best, loss)
        self.seen.add(number % 5)
        self.history.append(self.best)


torch.manual_seed(0)
random.seed(0)
numpy.random.seed(0)
trainer = spark.persist("trainer", Trainer)
average = spark.persist("average", lambda: AveragedModel(trainer.net, multi_avg_fn=get_ema_multi_avg_fn(0.9)))
stats = spark.persist("stats", lambda: Stats(torch.zeros(4)))
own = spark.persist("own", lambda: (random.Random(5), numpy.random.default_rng(6), torch.Generator().manual_seed(7)))


def await_snapshot() -> None:
    end = time.monotonic() + 60
    while "SAVED" in os.environ and runtime.core.saving:
        assert time.monotonic() < end
        time.sleep(0.002)


def train(x: Tensor, y: Tensor, token: Tensor) -> None:
    await_snapshot()
    with torch.autocast("cpu", torch.bfloat16):
        out = trainer.net(x, token)
    loss = nn.functional.cross_entropy(out.float(), y)
    number = trainer.backward(loss)
    stats.add(number, out, float(loss.detach()))
    told = [float(loss.detach()), float(stats.mean.sum()), sum(stats.history) + len(stats.seen)]
    told += [own[0].random(), own[1].random(), float(torch.rand((), generator=own[2]))]
    told += [float(each.detach().double().sum()) for each in average.parameters()]
    told += [group["lr"] for each in trainer.optimizers for group in each.param_groups]
    print(f"loss {number}", *(float(each).hex() for each in told), flush=True)
    spark.log(loss=loss)


data = Data()
in_turn: DistributedSampler[Any] = DistributedSampler(data, num_replicas=1, rank=0)
for epoch in spark.loop("epoch", range(2)):
    in_turn.set_epoch(epoch)
    for batch in spark.loop("batch", DataLoader(data, batch_size=6, sampler=in_turn)):
        train(*batch)
for index, batch in spark.loop("endless", enumerate(DataLoader(data, batch_size=6, sampler=Endless(48)))):
    train(*batch)
    if index == 10:
        break
