from dataclasses import dataclass, field


class Base:
    __slots__ = ()

    def f(self):
        return 1


@dataclass(slots=True)
class P(Base):
    x: int

    def f(self):
        return Base.f(self) + 1


def make():
    return P(1)


def probe(kept):
    return [kept.f(), isinstance(kept, P)]
