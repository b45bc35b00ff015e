class A:
    """Old."""


def make():
    return A()


def probe(kept):
    return kept.__doc__
