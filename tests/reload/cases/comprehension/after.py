def f(xs):
    return [x * 10 for x in xs if x > 1]


def make():
    return None


def probe(kept):
    return f([1, 2])
