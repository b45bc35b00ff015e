class A:
    def __iter__(self):
        yield 10
        yield 20


def make():
    return A()


def probe(kept):
    return list(kept)
