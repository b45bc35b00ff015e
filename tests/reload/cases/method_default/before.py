class A:
    def f(self, x=1):
        return x


def make():
    return A()


def probe(kept):
    return kept.f()
