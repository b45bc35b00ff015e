SEEN = {}


def f(x):
    return x + 1


def make():
    SEEN["a"] = 5


def probe(kept):
    return [SEEN.get("a"), f(1)]
