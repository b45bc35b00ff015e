class A:
    def __len__(self):
        return 1


def make():
    return A()


def probe(kept):
    return len(kept)
