NAMES = ["a"]
NAMES.append("b")


def make():
    return None


def probe(kept):
    return NAMES
