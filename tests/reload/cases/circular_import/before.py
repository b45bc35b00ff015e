import other


def f(x):
    return other.g(x) + 1


def h(x):
    return x
