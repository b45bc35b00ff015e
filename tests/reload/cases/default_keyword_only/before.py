def f(x, *, step=1):
    return x + step


def make():
    return f


def probe(kept):
    return [f(1), kept(1)]
