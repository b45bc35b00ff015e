class Base:
    def f(self):
        return 1


class A(Base):
    def f(self):
        return super().f() + 1


def make():
    return A()


def probe(kept):
    return kept.f()
