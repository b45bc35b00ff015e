from functools import partial


def f(x, y):
    return x + y * 10


def make():
    return partial(f, 1)


def probe(kept):
    return kept(1)
