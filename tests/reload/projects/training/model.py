"""The model."""

import functools

import torch
from torch import nn

SCALE = 0.5


def scaled(function):
    """What a layer gives, made smaller."""

    @functools.wraps(function)
    def call(*args):
        return function(*args) * SCALE

    return call


class Block(nn.Module):
    """Normalised, and thinned."""

    def __init__(self, width):
        super().__init__()
        self.norm = nn.BatchNorm1d(width)
        self.drop = nn.Dropout(0.2)

    @scaled
    def forward(self, x):
        return self.drop(torch.relu(self.norm(x)))


class Net(nn.Module):
    """The whole."""

    kind = "net"

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 16)
        self.block = Block(16)
        self.last = nn.Linear(16, 1)

    def forward(self, x):
        return self.last(self.block(self.first(x))).squeeze(1)
