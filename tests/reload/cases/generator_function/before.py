def numbers():
    yield 1
    yield 2


def make():
    return None


def probe(kept):
    return list(numbers())
