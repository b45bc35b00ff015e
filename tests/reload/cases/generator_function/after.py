def numbers():
    yield 1
    yield 20
    yield 30


def make():
    return None


def probe(kept):
    return list(numbers())
