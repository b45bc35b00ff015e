import torch
from torch import nn


def loss(x):
    return (x * x).sum() * 2


GRAD = torch.func.grad(loss)
BATCHED = torch.func.vmap(torch.func.grad(loss))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.weight * x + 1


def make():
    return [GRAD, BATCHED, Net()]


def probe(kept):
    grad, batched, net = kept
    called = torch.func.functional_call(net, {"weight": torch.ones(1)}, torch.ones(1))
    return [grad(torch.ones(1)).item(), batched(torch.ones(2, 1)).sum().item(), called.item()]
