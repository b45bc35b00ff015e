from typing import Protocol, runtime_checkable


@runtime_checkable
class Sized(Protocol):
    def size(self) -> int: ...


class A:
    def size(self):
        return 1


def make():
    return A()


def probe(kept):
    return isinstance(kept, Sized)
