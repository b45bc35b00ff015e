from functools import cached_property


class A:
    @cached_property
    def size(self):
        return 1


def make():
    a = A()
    a.size
    return a


def probe(kept):
    return [kept.size, A().size]
