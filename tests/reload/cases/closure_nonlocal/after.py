def counter():
    n = 0

    def bump(by):
        nonlocal n
        n += by
        return n * 10

    return bump


def make():
    bump = counter()
    bump(5)
    return bump


def probe(kept):
    return kept(0)
