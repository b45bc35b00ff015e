def f(x: int):
    return x


def make():
    return f


def probe(kept):
    return [f.__annotations__["x"].__name__, kept.__annotations__["x"].__name__]
