FAST = True


def f(x):
    return x + 1


if FAST:

    def f(x):
        return x + 2


def make():
    return None


def probe(kept):
    return f(1)
