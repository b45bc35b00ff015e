from functools import wraps


def times(n):
    def decorate(function):
        @wraps(function)
        def wrapper(*args):
            return function(*args) * n

        return wrapper

    return decorate


@times(2)
def f(x):
    return x + 1


def make():
    return None


def probe(kept):
    return f(1)
