from functools import lru_cache


@lru_cache(maxsize=2)
def f(x):
    return x + 1


def make():
    return None


def probe(kept):
    return [f(1), f.cache_info().maxsize]
