from math import floor as cut


def make():
    return None


def probe(kept):
    return cut(2.5)
