class A:
    @property
    def size(self):
        return 10


def make():
    return A()


def probe(kept):
    return kept.size
