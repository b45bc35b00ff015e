import subject


def make():
    return None


def probe(kept):
    return subject.f(1)
