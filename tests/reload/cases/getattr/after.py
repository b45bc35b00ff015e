class A:
    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return name.upper()


def make():
    return A()


def probe(kept):
    return kept.spark
