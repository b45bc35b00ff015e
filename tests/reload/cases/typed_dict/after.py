from typing import TypedDict


class Options(TypedDict):
    x: int
    y: int


def make():
    return None


def probe(kept):
    return sorted(Options.__annotations__)
