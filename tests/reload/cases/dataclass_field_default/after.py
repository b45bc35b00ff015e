from dataclasses import dataclass, field


@dataclass
class P:
    x: int
    y: int = 2


def make():
    return P(1)


def probe(kept):
    return [repr(kept), repr(P(2)), kept == P(1), isinstance(kept, P)]
