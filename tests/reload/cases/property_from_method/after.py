class A:
    @property
    def size(self):
        return 10


def make():
    return A()


def probe(kept):
    return kept.size if isinstance(kept.size, int) else kept.size()
