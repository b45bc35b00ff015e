import torch
from torch import nn


def on_gradient(grad):
    return grad * 20


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.weight.register_hook(on_gradient)
        self.weight.register_post_accumulate_grad_hook(self.after)
        self.register_state_dict_post_hook(lambda module, state, prefix, local: state.update(extra=30))

    def after(self, parameter):
        parameter.grad.add_(40)


def make():
    return Net()


def probe(kept):
    kept.weight.grad = None
    kept.weight.sum().backward()
    return [kept.weight.grad.item(), kept.state_dict()["extra"]]
