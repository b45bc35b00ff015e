class A:
    def f(self):
        return 10


def make():
    return A()


def probe(kept):
    return kept.f()
