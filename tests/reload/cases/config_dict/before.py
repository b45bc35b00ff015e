CONFIG = {"lr": 1, "name": "a"}


def make():
    return None


def probe(kept):
    return CONFIG["lr"]
