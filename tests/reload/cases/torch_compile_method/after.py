import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    @torch.compile(backend="eager")
    def forward(self, x):
        return self.weight * x + 10


def make():
    return Net()


def probe(kept):
    return kept(torch.ones(1)).item()
