from abc import ABC, abstractmethod


class Base(ABC):
    @abstractmethod
    def f(self): ...


class A(Base):
    def f(self):
        return 1


def make():
    return A()


def probe(kept):
    return [kept.f(), sorted(Base.__abstractmethods__), A().f()]
