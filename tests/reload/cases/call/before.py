class A:
    def __call__(self):
        return 1


def make():
    return A()


def probe(kept):
    return kept()
