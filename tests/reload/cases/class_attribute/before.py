class A:
    limit = 1


def make():
    return A()


def probe(kept):
    return kept.limit
