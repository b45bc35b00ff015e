class Base:
    def __init__(self):
        self.x = 1


class A(Base):
    def f(self):
        return self.x


def make():
    return A()


def probe(kept):
    return kept.f()
