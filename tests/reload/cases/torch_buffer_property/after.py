import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.ones(1))

    @property
    def scaled(self):
        return self.count * 20

    @scaled.setter
    def scaled(self, value):
        self.count.fill_(value + 2)

    def __getattr__(self, name):
        if name == "magic":
            return 30
        return super().__getattr__(name)

    def extra_repr(self):
        return "ten"


def make():
    return Net()


def probe(kept):
    kept.scaled = 1
    return [kept.scaled.item(), kept.magic, repr(kept)]
