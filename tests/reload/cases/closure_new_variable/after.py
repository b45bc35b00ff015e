def adder(n):
    k = 10

    def add(x):
        return x + n + k

    return add, k


def make():
    return adder(1)[0]


def probe(kept):
    return [kept(1), adder(1)[0](1)]
