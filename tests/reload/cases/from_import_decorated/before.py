from functools import lru_cache


def f(x):
    return x + 1
