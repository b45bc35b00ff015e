import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.weight * x + 1


def average(averaged, current, count):
    return averaged * 0 + 5


def make():
    net = Net()
    return [net, torch.optim.swa_utils.AveragedModel(net, avg_fn=average)]


def probe(kept):
    net, averaged = kept
    averaged.update_parameters(net)
    averaged.update_parameters(net)
    return [averaged(torch.ones(1)).item(), averaged.module.weight.item()]
