from dataclasses import dataclass, field


@dataclass
class P:
    x: int

    def f(self):
        return self.x + 10


def make():
    return P(1)


def probe(kept):
    return [kept.f(), P(1) == kept]
