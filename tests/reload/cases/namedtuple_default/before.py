from typing import NamedTuple


class P(NamedTuple):
    x: int
    y: int = 1


def make():
    return P(1)


def probe(kept):
    return [P(1).y, isinstance(kept, P)]
