def adder(n):
    return lambda x: x + n * 10


def make():
    return adder(1)


def probe(kept):
    return kept(1)
