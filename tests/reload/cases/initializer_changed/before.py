def make():
    return {"size": 1}


def probe(kept):
    return kept["size"]
