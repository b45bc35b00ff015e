def f(x):
    return x + 1


def g(x):
    return x * 2


def make():
    return None


def probe(kept):
    return [f(1), g(1)]
