class Base:
    def __init__(self):
        self.x = 1
        self.scale = 10


class A(Base):
    def f(self):
        return self.x * self.scale


def make():
    return A()


def probe(kept):
    return kept.f()
