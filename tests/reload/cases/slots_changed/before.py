class A:
    __slots__ = ("x",)

    def __init__(self):
        self.x = 1


def make():
    return A()


def probe(kept):
    return kept.x
