class Base:
    def f(self):
        return 1


class A(Base):
    def f(self):
        return 20


def make():
    return A()


def probe(kept):
    return kept.f()
