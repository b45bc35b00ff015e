class A:
    def __init__(self):
        self.x = 1


def make():
    return A()


def probe(kept):
    return [kept.x, A().x]
