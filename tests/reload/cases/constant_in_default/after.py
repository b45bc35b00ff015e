RATE = 10


def f(x, rate=RATE):
    return x * rate


def make():
    return None


def probe(kept):
    return f(2)
