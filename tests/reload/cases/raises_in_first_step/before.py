def f(x):
    return x + 1


def make():
    return None


def probe(kept):
    return f(1)
