class A:
    @property
    def size(self):
        return self._size

    @size.setter
    def size(self, value):
        self._size = value * 10


def make():
    return A()


def probe(kept):
    kept.size = 1
    return kept.size
