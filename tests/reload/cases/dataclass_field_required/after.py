from dataclasses import dataclass, field


@dataclass
class P:
    x: int
    y: int

    def f(self):
        return self.y


def make():
    return P(1)


def probe(kept):
    return kept.f()
