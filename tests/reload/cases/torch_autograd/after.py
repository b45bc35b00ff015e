import torch


class Scale(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        return grad * 20


def make():
    return Scale.apply


def probe(kept):
    x = torch.ones(1, requires_grad=True)
    kept(x).sum().backward()
    return x.grad.item()
