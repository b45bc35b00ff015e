from functools import cache


class A:
    @cache
    def f(self):
        return 1


def make():
    return A()


def probe(kept):
    return kept.f()
