class Meta(type):
    pass


class A:
    def f(self):
        return 1


def make():
    return A()


def probe(kept):
    return kept.f()
