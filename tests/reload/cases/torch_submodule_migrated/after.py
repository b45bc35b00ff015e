import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1, bias=False)
        self.norm = nn.Identity()
        nn.init.ones_(self.linear.weight)

    def forward(self, x):
        return self.norm(self.linear(x)) + 10

    def __livespark_migrate__(self, old_source):
        self.norm = nn.Identity()


def make():
    return Net()


def probe(kept):
    return kept(torch.ones(1)).item()
