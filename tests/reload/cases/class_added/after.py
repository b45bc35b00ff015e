class A:
    def f(self):
        return 10


def f():
    return A().f()


def make():
    return None


def probe(kept):
    return f()
