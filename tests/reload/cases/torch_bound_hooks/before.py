import functools

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Identity()
        self.inner.register_forward_hook(self.shift)
        self.register_forward_pre_hook(lambda module, args: (args[0] + 2,))
        self.register_full_backward_hook(functools.partial(self.scale, 3))

    def shift(self, module, args, output):
        return output + 1

    @staticmethod
    def scale(factor, module, grads, outputs):
        return (grads[0] * factor * 1,)

    def forward(self, x):
        return self.inner(x)


def make():
    return Net()


def probe(kept):
    x = torch.ones(1, requires_grad=True)
    y = kept(x)
    y.backward()
    return [y.item(), x.grad.item()]
