class A:
    count = 0
    limit = 1


def make():
    A.count = 7
    return A()


def probe(kept):
    return [A.count, kept.limit]
