import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.width = width

    def forward(self, x):
        return x + self.width


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Block(1), Block(2)])

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def make():
    return Net()


def probe(kept):
    fresh = Net()
    kept.load_state_dict(fresh.state_dict())
    return [kept(torch.ones(1)).item(), fresh(torch.ones(1)).item(), type(kept.blocks[0]) is Block]
