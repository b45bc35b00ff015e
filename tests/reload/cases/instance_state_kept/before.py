class A:
    def __init__(self):
        self.total = 0

    def add(self, x):
        self.total = max(self.total, x)
        return self.total


def make():
    a = A()
    a.add(5)
    return a


def probe(kept):
    return kept.add(1)
