class A:
    def f(self, x=10):
        return x


def make():
    return A()


def probe(kept):
    return kept.f()
