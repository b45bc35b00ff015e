class A:
    @staticmethod
    def f(self=None):
        return [self is None, 1]


def make():
    return A()


def probe(kept):
    return kept.f()
