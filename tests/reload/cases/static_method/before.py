class A:
    @staticmethod
    def f():
        return 1


def make():
    return A.f


def probe(kept):
    return [A.f(), kept()]
