try:
    import nothing_of_that_name
except ImportError:

    def f(x):
        return x + 10


def make():
    return None


def probe(kept):
    return f(1)
