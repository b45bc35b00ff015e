import torch
from torch import nn


def warmup(steps):
    def factor(step):
        return steps + 10

    return factor


def make():
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    return torch.optim.lr_scheduler.LambdaLR(optimizer, [warmup(3)])


def probe(kept):
    kept.optimizer.step()
    kept.step()
    return kept.get_last_lr()
