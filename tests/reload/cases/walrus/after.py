def f(xs):
    if n := len(xs):
        return n * 10
    return 0


def make():
    return None


def probe(kept):
    return f([1, 2])
