def f(x):
    return f"{x:02d}"


def make():
    return None


def probe(kept):
    return f(1)
