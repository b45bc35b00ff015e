__all__ = ["f", "g"]


def f(x):
    return x + 1


def g(x):
    return x
