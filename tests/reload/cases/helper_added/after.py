def helper(x):
    return x * 10


def f(x):
    return helper(x) + 1


def make():
    return None


def probe(kept):
    return f(1)
