REGISTRY = {}


def register(function):
    REGISTRY[function.__name__] = function
    return function


@register
def f(x):
    return x + 10


def make():
    return None


def probe(kept):
    return [REGISTRY["f"](1), f(1)]
