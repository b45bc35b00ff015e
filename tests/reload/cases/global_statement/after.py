count = 0


def f():
    global count
    count = count or 7
    return count * 10


def make():
    return f()


def probe(kept):
    return f()
