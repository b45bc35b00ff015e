RATE = 1


def make():
    return None


def probe(kept):
    return RATE
