import torch


@torch.no_grad()
def evaluate(x):
    return x + 10


def make():
    return evaluate


def probe(kept):
    return kept(torch.ones(1)).item()
