from pkg.inner import g


def f(x):
    return g(x) + 1
