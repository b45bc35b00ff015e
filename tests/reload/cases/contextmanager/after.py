from contextlib import contextmanager


@contextmanager
def scope(x):
    yield x + 10


def make():
    return scope


def probe(kept):
    with scope(1) as a, kept(1) as b:
        return [a, b]
