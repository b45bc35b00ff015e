class Base:
    def f(self):
        return 1


class A(Base):
    x = 0


def make():
    return A()


def probe(kept):
    return kept.f()
