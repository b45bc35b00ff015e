def f():
    """Old."""


def make():
    return f


def probe(kept):
    return [f.__doc__, kept.__doc__]
