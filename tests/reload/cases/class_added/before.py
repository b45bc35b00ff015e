def f():
    return 1


def make():
    return None


def probe(kept):
    return f()
