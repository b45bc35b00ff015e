def f(x):
    return x * 10 + f.offset


def make():
    f.offset = 5


def probe(kept):
    return f(1)
