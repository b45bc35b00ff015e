def f(x):
    return x + 1


def make():
    return [f]


def probe(kept):
    return kept[0](1)
