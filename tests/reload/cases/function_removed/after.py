def f(x):
    return x + 10


def make():
    return None


def probe(kept):
    return [f(1), "helper" in globals()]
