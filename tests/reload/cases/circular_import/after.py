import other


def f(x):
    return other.g(x) + 10


def h(x):
    return x
