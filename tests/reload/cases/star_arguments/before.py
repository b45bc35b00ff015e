def f(*args, **kwargs):
    return len(args) + len(kwargs)


def make():
    return f


def probe(kept):
    return kept(1, 2, a=3)
