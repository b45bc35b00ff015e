class A:
    def __len__(self):
        return 10


def make():
    return A()


def probe(kept):
    return len(kept)
