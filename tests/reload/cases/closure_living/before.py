def adder(n):
    def add(x):
        return x + n

    return add


def make():
    return adder(1)


def probe(kept):
    return [kept(1), adder(1)(1)]
