from abc import ABC, abstractmethod


class Base(ABC):
    @abstractmethod
    def f(self): ...

    def g(self):
        return self.f() + 10


class A(Base):
    def f(self):
        return 1


def make():
    return A()


def probe(kept):
    return [kept.g(), isinstance(kept, Base)]
