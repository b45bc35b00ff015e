def f(x, step):
    return x + step


def run():
    return f(1, 10)


def make():
    return None


def probe(kept):
    return run()
