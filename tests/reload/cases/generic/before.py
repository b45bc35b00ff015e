from typing import Generic, TypeVar

T = TypeVar("T")


class A(Generic[T]):
    def f(self):
        return 1


def make():
    return A[int]()


def probe(kept):
    return [kept.f(), isinstance(kept, A)]
