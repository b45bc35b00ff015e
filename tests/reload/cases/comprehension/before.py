def f(xs):
    return [x + 1 for x in xs]


def make():
    return None


def probe(kept):
    return f([1, 2])
