from math import ceil as cut


def make():
    return None


def probe(kept):
    return cut(2.5)
