from subject import f


def make():
    return None


def probe(kept):
    return f(1)
