from typing import NamedTuple


class P(NamedTuple):
    x: int


def make():
    return None


def probe(kept):
    return list(P(1))
