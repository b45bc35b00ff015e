class A:
    limit = 10


def make():
    return A()


def probe(kept):
    return kept.limit
