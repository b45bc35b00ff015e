from typing import NamedTuple


class P(NamedTuple):
    x: int

    def f(self):
        return self.x + 10


def make():
    return P(1)


def probe(kept):
    return [kept.f(), isinstance(kept, P)]
