RATE = 1


def f(x):
    return x


def make():
    return None


def probe(kept):
    return [f(1), "RATE" in globals()]
