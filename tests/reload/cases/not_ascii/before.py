def größe():
    return "alt: ∂"


def make():
    return None


def probe(kept):
    return größe()
