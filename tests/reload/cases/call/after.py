class A:
    def __call__(self):
        return 10


def make():
    return A()


def probe(kept):
    return kept()
