RATE = 10


class A:
    limit = 10


def f():
    return 10


raise ValueError("too late")


def make():
    return A()


def probe(kept):
    return [RATE, kept.limit, f()]
