import no_module_of_this_name


def f(x):
    return x + 10


def make():
    return None


def probe(kept):
    return f(1)
