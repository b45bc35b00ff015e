__all__ = ["f"]


def f(x):
    return x + 1


def g(x):
    return x
