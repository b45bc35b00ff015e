class A:
    def __init__(self):
        self.x = 1

    def f(self):
        return self.x


def make():
    return A()


def probe(kept):
    return kept.f()
