class A:
    class Options:
        size = 10


def make():
    return A.Options


def probe(kept):
    return [kept.size, kept is A.Options]
