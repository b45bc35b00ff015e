def f(x):
    return x + 10


def make():
    return [f]


def probe(kept):
    return kept[0](1)
