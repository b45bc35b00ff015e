class A:
    class B:
        def f(self):
            return 10


def make():
    return A.B()


def probe(kept):
    return [kept.f(), isinstance(kept, A.B)]
