def f(x):
    return x + f.offset


def make():
    f.offset = 5


def probe(kept):
    return f(1)
