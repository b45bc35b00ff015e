from dataclasses import dataclass, field


@dataclass
class P:
    x: int
    y: int = 10


def make():
    return P(1)


def probe(kept):
    return [P(1).y, kept.y]
