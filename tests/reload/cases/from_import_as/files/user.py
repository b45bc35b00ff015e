from subject import f as g


def make():
    return None


def probe(kept):
    return g(1)
