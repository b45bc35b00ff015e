class A:
    limit = no_such_name


def make():
    return A()


def probe(kept):
    return kept.limit
