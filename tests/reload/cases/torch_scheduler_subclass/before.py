import torch
from torch import nn


class Steps(torch.optim.lr_scheduler.LRScheduler):
    def get_lr(self):
        return [base * 2 for base in self.base_lrs]


class Every(torch.utils.data.Sampler):
    def __iter__(self):
        return iter(range(0, 4, 2))

    def __len__(self):
        return 2


def make():
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    return [Steps(optimizer), torch.utils.data.DataLoader(range(4), sampler=Every())]


def probe(kept):
    kept[0].optimizer.step()
    kept[0].step()
    return [kept[0].get_last_lr(), [each.item() for each in kept[1]]]
