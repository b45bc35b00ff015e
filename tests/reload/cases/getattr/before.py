class A:
    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return name


def make():
    return A()


def probe(kept):
    return kept.spark
