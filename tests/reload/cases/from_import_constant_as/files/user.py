from subject import LIMIT as MAXIMUM

OWN = 1


def make():
    return None


def probe(kept):
    return [MAXIMUM, OWN]
