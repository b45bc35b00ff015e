class A:
    def __enter__(self):
        return 1

    def __exit__(self, *exc):
        return None


def make():
    return A()


def probe(kept):
    with kept as value:
        return value
