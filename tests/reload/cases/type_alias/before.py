Number = int


def make():
    return None


def probe(kept):
    return Number("1").__class__.__name__
