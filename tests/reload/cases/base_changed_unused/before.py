class B:
    def who(self):
        return "b"


class C:
    def who(self):
        return "c"


class A(B):
    pass


def make():
    return None


def probe(kept):
    return A().who()
