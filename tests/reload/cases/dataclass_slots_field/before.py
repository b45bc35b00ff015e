from dataclasses import dataclass, field


@dataclass(slots=True)
class P:
    x: int


def make():
    return P(1)


def probe(kept):
    return repr(kept)
