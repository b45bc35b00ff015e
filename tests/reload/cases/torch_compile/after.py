import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1, bias=False)
        nn.init.ones_(self.linear.weight)

    def forward(self, x):
        return self.linear(x) + 10


def make():
    return torch.compile(Net(), backend="eager")


def probe(kept):
    return kept(torch.ones(1)).item()
