"""The loop that everything is measured on: an MLP 784-128-10, batch 64, one thread; about 0.6 ms a step on a laptop."""

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ("Training", "timed")


class Training:
    """A real training loop on random data. `step()` trains once and returns the loss, a 0-d tensor."""

    def __init__(self, seed: int = 0) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        self.net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-3)
        self.images, self.labels = torch.randn(64, 784), torch.randint(0, 10, (64,))

    def step(self) -> Tensor:
        loss = functional.cross_entropy(self.net(self.images), self.labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss


def timed(step: Callable[[int], object], steps: int) -> float:
    """Seconds per step."""
    begin = time.perf_counter()
    for number in range(steps):
        step(number)
    return (time.perf_counter() - begin) / steps


def alternate(
    first: Callable[[int], object], second: Callable[[int], object], rounds: int, steps: int
) -> Iterator[tuple[float, float]]:
    """Seconds per step of both, block by block in turn, so that a machine that slows down slows both."""
    timed(first, steps // 4)
    timed(second, steps // 4)
    for number in range(rounds):
        if number % 2:
            after = timed(second, steps)
            yield timed(first, steps), after
        else:
            before = timed(first, steps)
            yield before, timed(second, steps)
