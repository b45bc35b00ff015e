def f(first, /, *rest, a=0, **others):
    return [first, list(rest), a, others]


def make():
    return f


def probe(kept):
    return kept(1, 2, a=3)
