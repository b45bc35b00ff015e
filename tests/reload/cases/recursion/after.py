def f(n):
    return 1 if n == 0 else n + f(n - 1)


def make():
    return f


def probe(kept):
    return kept(4)
