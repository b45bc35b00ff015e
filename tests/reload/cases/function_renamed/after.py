def new(x):
    return x + 10


def run():
    return new(1)


def make():
    return None


def probe(kept):
    return [run(), "old" in globals()]
