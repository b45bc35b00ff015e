def outer(a):
    def middle(b):
        def inner(c):
            return a * b * c * 10

        return inner

    return middle


def make():
    return outer(1)(2)


def probe(kept):
    return kept(3)
