def words():
    while True:
        yield "old"


def make():
    return words()


def probe(kept):
    return [next(kept), next(words())]
