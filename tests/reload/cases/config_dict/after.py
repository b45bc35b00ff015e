CONFIG = {"lr": 10, "name": "a"}


def make():
    return None


def probe(kept):
    return CONFIG["lr"]
