import torch


@torch.autocast("cpu", dtype=torch.bfloat16)
def f(x):
    return x @ x + 10


@torch.autograd.profiler.record_function("g")
def g(x):
    return x + 10


@torch.enable_grad()
def h(x):
    yield x + 10


def make():
    return [f, g, h]


def probe(kept):
    one = torch.ones(1, 1)
    return [kept[0](one).item(), kept[1](one).item(), next(kept[2](one)).item(), str(kept[0](one).dtype)]
