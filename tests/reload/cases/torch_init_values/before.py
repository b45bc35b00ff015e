import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = 1
        self.linear = nn.Linear(1, 2)

    def forward(self, x):
        return x * self.scale


def make():
    return Net()


def probe(kept):
    fresh = Net()
    return [kept(torch.ones(1)).item(), fresh(torch.ones(1)).item(), fresh.linear.out_features]
