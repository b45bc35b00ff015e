STEP = 10


def f(x):
    return x + STEP


def make():
    return None


def probe(kept):
    return f(1)
