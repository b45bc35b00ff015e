RATE = 10
SEEN = {}


def make():
    SEEN["a"] = 5


def probe(kept):
    return [SEEN.get("a"), RATE]
