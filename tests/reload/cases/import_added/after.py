import math


def f(x):
    return math.floor(x)


def make():
    return None


def probe(kept):
    return f(2.7)
