from abc import ABC, abstractmethod


class Base(ABC):
    @abstractmethod
    def f(self): ...

    @abstractmethod
    def g(self): ...


class A(Base):
    def f(self):
        return self.g()

    def g(self):
        return 10


def make():
    return A()


def probe(kept):
    return [kept.f(), sorted(Base.__abstractmethods__), A().f()]
