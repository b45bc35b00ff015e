from subject import Base


class Child(Base):
    def f(self):
        return super().f() + 1


def make():
    return Child()


def probe(kept):
    return [kept.f(), isinstance(kept, Base)]
