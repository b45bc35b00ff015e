class B:
    def who(self):
        return "b"


class C:
    def who(self):
        return "c"


class A(C):
    pass


def make():
    return A()


def probe(kept):
    return kept.who()
