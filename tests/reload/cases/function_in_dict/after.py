def f(x):
    return x + 10


TABLE = {"f": f}


def make():
    return None


def probe(kept):
    return TABLE["f"](1)
