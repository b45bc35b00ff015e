import sys

if sys.version_info >= (3, 0):

    def f(x):
        return x + 10
else:

    def f(x):
        return None


def make():
    return None


def probe(kept):
    return f(1)
