def f():
    return 10


def make():
    return None


def probe(kept):
    return [f(), "Old" in globals()]
