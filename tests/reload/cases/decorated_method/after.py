from functools import wraps


def times(n):
    def decorate(function):
        @wraps(function)
        def wrapper(*args):
            return function(*args) * n

        return wrapper

    return decorate


class A:
    @times(2)
    def f(self, x=1):
        return x + 10


def make():
    return A()


def probe(kept):
    return kept.f()
