from subject import A


def make():
    return A()


def probe(kept):
    return [kept.f(), isinstance(kept, A)]
