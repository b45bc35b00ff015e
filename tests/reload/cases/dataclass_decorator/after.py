from dataclasses import dataclass, field


@dataclass(order=True)
class P:
    x: int


def make():
    return P(1)


def probe(kept):
    return ["__lt__" in vars(P) and kept < P(2), isinstance(kept, P)]
