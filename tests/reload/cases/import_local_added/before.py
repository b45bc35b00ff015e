def f(x):
    return x


def make():
    return None


def probe(kept):
    return f(2)
