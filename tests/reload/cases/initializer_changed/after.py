def make():
    return {"size": 10}


def probe(kept):
    return kept["size"]
