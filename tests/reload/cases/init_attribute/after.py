class A:
    def __init__(self):
        self.x = 1
        self.scale = 10

    def f(self):
        return self.x * self.scale


def make():
    return A()


def probe(kept):
    return kept.f()
