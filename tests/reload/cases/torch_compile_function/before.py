import torch


def helper(x):
    return x + 1


@torch.compile(backend="eager")
def f(x):
    return helper(x)


def make():
    return f


def probe(kept):
    return kept(torch.ones(1)).item()
