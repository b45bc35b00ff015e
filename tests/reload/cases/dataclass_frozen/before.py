from dataclasses import dataclass, field


@dataclass(frozen=True)
class P:
    x: int

    def f(self):
        return self.x + 1


def make():
    return P(1)


def probe(kept):
    return [kept.f(), hash(kept) == hash(P(1))]
