def old(x):
    return x + 1


def run():
    return old(1)


def make():
    return None


def probe(kept):
    return [run(), "old" in globals()]
