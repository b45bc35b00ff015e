def größe():
    return "neu: ∇"


def make():
    return None


def probe(kept):
    return größe()
