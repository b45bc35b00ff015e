RATE = 1


class A:
    limit = 1


def f():
    return 1


def make():
    return A()


def probe(kept):
    return [RATE, kept.limit, f()]
