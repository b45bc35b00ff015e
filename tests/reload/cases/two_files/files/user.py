from subject import f


def run():
    return f(1)


def make():
    return None


def probe(kept):
    return run()
