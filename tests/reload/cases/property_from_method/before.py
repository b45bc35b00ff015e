class A:
    def size(self):
        return 1


def make():
    return A()


def probe(kept):
    return kept.size if isinstance(kept.size, int) else kept.size()
