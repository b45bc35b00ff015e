"""What the scripts beside this file train: data with random noise, and a small network with all that is stateful."""

import random

import numpy
import torch
from torch.utils.data import Dataset

__all__ = ("Noisy", "make_net")


class Noisy(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    def __init__(self) -> None:
        made = torch.Generator().manual_seed(3)
        self.x, self.y = torch.randn(96, 16, generator=made), torch.randint(0, 4, (96,), generator=made)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        noise = random.random() + numpy.random.rand() + torch.rand(())
        return self.x[index] + 0.1 * noise, self.y[index]


def make_net() -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Linear(16, 32),
        torch.nn.BatchNorm1d(32),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.3),
        torch.nn.Linear(32, 4),
    )
