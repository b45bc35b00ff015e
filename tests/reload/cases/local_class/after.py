def build():
    class Local:
        def f(self):
            return 10

    return Local()


def make():
    return build()


def probe(kept):
    return [kept.f(), build().f()]
