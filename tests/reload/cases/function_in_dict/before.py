def f(x):
    return x + 1


TABLE = {"f": f}


def make():
    return None


def probe(kept):
    return TABLE["f"](1)
