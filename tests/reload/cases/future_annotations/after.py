from __future__ import annotations


def f(x: Absent) -> int:
    return x + 10


def make():
    return None


def probe(kept):
    return [f(1), f.__annotations__["x"]]
