from __future__ import annotations


def f(x: Missing) -> int:
    return x + 1


def make():
    return None


def probe(kept):
    return [f(1), f.__annotations__["x"]]
