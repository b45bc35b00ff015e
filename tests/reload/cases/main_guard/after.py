def f(x):
    return x + 10


if __name__ == "__main__":
    STARTED = True


def make():
    return None


def probe(kept):
    return f(1)
