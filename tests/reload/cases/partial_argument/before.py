from functools import partial


def f(x, y):
    return x + y


ADD = partial(f, 1)


def make():
    return None


def probe(kept):
    return ADD(1)
