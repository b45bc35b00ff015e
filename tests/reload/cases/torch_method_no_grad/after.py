import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    @torch.no_grad()
    def evaluate(self, x):
        return self.weight * x + 10

    @torch.inference_mode()
    def infer(self, x):
        return self.weight * x + 10


def make():
    return Net()


def probe(kept):
    one = torch.ones(1)
    return [kept.evaluate(one).item(), kept.infer(one).item(), kept.evaluate(one).requires_grad]
