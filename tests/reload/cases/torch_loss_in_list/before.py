import torch


def loss(x):
    return (x - 1).abs().sum()


def make():
    return [loss]


def probe(kept):
    return kept[0](torch.zeros(2)).item()
