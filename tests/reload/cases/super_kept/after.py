class Base:
    def f(self):
        return 1


class A(Base):
    def f(self):
        return super().f() + 10


def make():
    return A()


def probe(kept):
    return kept.f()
