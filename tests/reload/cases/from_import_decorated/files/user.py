from subject import f


def make():
    return None


def probe(kept):
    return [f(1), hasattr(f, "cache_info")]
