from dataclasses import dataclass, field


@dataclass
class P:
    x: int

    def f(self):
        return getattr(self, "y", 0)


def make():
    return P(1)


def probe(kept):
    return kept.f()
