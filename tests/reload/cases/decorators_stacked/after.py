from functools import wraps


def times(n):
    def decorate(function):
        @wraps(function)
        def wrapper(*args):
            return function(*args) * n

        return wrapper

    return decorate


@times(2)
@times(3)
def f(x):
    return x + 9


def make():
    return f


def probe(kept):
    return kept(1)
