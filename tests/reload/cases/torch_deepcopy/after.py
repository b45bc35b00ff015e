import copy

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.weight * x + 10


def make():
    net = Net()
    return [net, copy.deepcopy(net)]


def probe(kept):
    nets = [*kept, *map(copy.deepcopy, kept)]
    return [[net(torch.ones(1)).item() for net in nets], all(type(net) is Net for net in nets)]
