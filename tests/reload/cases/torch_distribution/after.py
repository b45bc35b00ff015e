import torch
from torch import nn


class Shifted(torch.distributions.Normal):
    def log_prob(self, value):
        return super().log_prob(value) * 0 + 10


class Marked(torch.Tensor):
    def twice(self):
        return self * 20

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return super().__torch_function__(func, types, args, kwargs)


def make():
    return [Shifted(0.0, 1.0), torch.ones(1).as_subclass(Marked), nn.Parameter(torch.ones(1).as_subclass(Marked))]


def probe(kept):
    return [
        kept[0].log_prob(torch.ones(1)).item(),
        kept[1].twice().item(),
        kept[2].twice().item(),
        type(kept[1]) is Marked,
    ]
