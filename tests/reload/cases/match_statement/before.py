def f(x):
    match x:
        case {"kind": "a"}:
            return 1
        case _:
            return 2


def make():
    return None


def probe(kept):
    return f({"kind": "b"})
