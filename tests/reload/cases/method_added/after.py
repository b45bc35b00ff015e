class A:
    def f(self):
        return self.g() + 1

    def g(self):
        return 9


def make():
    return A()


def probe(kept):
    return kept.f()
