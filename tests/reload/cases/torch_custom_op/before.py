import torch


LIBRARY = torch.library.Library("livespark_test", "FRAGMENT")


def twice(x):
    return x * 2


if not hasattr(torch.ops.livespark_test, "twice"):
    LIBRARY.define("twice(Tensor x) -> Tensor")
    LIBRARY.impl("twice", twice, "CompositeImplicitAutograd")


def make():
    return torch.ops.livespark_test.twice


def probe(kept):
    return kept(torch.ones(1)).item()
