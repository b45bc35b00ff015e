class A:
    def __iter__(self):
        yield 1


def make():
    return A()


def probe(kept):
    return list(kept)
