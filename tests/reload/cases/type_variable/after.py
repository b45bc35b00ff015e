from typing import TypeVar

T = TypeVar("T", bound=float)


def f(x: T) -> T:
    return x


def make():
    return None


def probe(kept):
    return T.__bound__.__name__
