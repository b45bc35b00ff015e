import functools

import torch
from torch import nn


def loss(scale, x):
    return x * scale


class Criterion(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def make():
    return [functools.partial(loss, 2), Criterion(functools.partial(loss, 3))]


def probe(kept):
    return [each(torch.ones(1)).item() for each in kept]
