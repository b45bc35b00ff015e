import torch
from torch import nn


SEEN = []


def before_step(optimizer, args, kwargs):
    SEEN.append(10)


def after_step(optimizer, args, kwargs):
    SEEN.append(20)


def make():
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    optimizer.register_step_pre_hook(before_step)
    optimizer.register_step_post_hook(after_step)
    return optimizer


def probe(kept):
    SEEN.clear()
    kept.step()
    return list(SEEN)
