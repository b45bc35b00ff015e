from functools import lru_cache


@lru_cache(maxsize=7)
def f(x):
    return x + 1
