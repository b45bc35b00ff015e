from typing import NamedTuple


class P(NamedTuple):
    x: int
    y: int = 2


def make():
    return None


def probe(kept):
    return list(P(1))
