RATE = 1
DOUBLE = RATE * 2
LABEL = f"rate {RATE}"


def make():
    return None


def probe(kept):
    return [RATE, DOUBLE, LABEL]
