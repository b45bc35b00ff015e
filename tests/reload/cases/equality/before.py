class A:
    def __eq__(self, other):
        return False

    def __hash__(self):
        return 1


def make():
    return A()


def probe(kept):
    return [kept == 1, hash(kept)]
