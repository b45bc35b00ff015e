from dataclasses import dataclass, field


@dataclass
class P:
    x: int
    y: list = field(default_factory=list)


def make():
    return P(1)


def probe(kept):
    return [repr(kept), getattr(kept, "y", None) is not getattr(P(1), "y", 0)]
