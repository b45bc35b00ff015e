class A:
    def __eq__(self, other):
        return other == 1

    def __hash__(self):
        return 2


def make():
    return A()


def probe(kept):
    return [kept == 1, hash(kept)]
