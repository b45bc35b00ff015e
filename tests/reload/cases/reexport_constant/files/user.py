from pkg import LIMIT


def make():
    return None


def probe(kept):
    return LIMIT
