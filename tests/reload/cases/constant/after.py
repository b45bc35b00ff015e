RATE = 10


def make():
    return None


def probe(kept):
    return RATE
