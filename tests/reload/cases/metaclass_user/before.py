class Meta(type):
    def __call__(cls, *args):
        made = super().__call__(*args)
        made.marked = True
        return made


class A(metaclass=Meta):
    def f(self):
        return 1


def make():
    return A()


def probe(kept):
    return [kept.f(), kept.marked, A().marked]
