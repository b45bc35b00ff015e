def f(x):
    return x + missing


def make():
    return None


def probe(kept):
    return f(1)
