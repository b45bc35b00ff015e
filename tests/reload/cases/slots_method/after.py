class A:
    __slots__ = ("x",)

    def __init__(self):
        self.x = 1

    def f(self):
        return self.x * 10


def make():
    return A()


def probe(kept):
    return kept.f()
