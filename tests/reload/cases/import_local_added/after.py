from fresh import triple


def f(x):
    return triple(x)


def make():
    return None


def probe(kept):
    return f(2)
