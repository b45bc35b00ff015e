import weakref


class A:
    def f(self):
        return 1


def make():
    a = A()
    return a, weakref.ref(a), {a: "value"}


def probe(kept):
    a, reference, table = kept
    return [reference().f(), table[a]]
