class A:
    @classmethod
    def f(cls):
        return [cls.__name__, 1]


def make():
    return A.f


def probe(kept):
    return [A.f(), kept()]
