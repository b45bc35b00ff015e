class A:
    __slots__ = ("x", "y")

    def __init__(self):
        self.x = 1
        self.y = 2


def make():
    return A()


def probe(kept):
    return kept.x
