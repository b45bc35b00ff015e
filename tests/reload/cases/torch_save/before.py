import io

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.weight * x + 1


def saved(net):
    buffer = io.BytesIO()
    torch.save(net, buffer)
    return buffer.getvalue()


def make():
    net = Net()
    return [net, saved(net)]


def probe(kept):
    nets = [torch.load(io.BytesIO(each), weights_only=False) for each in (kept[1], saved(kept[0]))]
    return [[net(torch.ones(1)).item() for net in nets], all(type(net) is Net for net in nets)]
