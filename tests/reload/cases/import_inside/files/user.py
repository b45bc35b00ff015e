def make():
    return None


def probe(kept):
    from subject import f

    return f(1)
