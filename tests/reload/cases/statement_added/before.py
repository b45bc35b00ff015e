NAMES = ["a"]


def make():
    return None


def probe(kept):
    return NAMES
