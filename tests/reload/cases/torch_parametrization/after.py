import torch
from torch import nn


class Twice(nn.Module):
    def forward(self, weight):
        return weight * 20


def make():
    linear = nn.Linear(1, 1, bias=False)
    nn.init.ones_(linear.weight)
    nn.utils.parametrize.register_parametrization(linear, "weight", Twice())
    return linear


def probe(kept):
    return kept(torch.ones(1)).item()
