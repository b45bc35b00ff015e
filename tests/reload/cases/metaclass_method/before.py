class Meta(type):
    def tag(cls):
        return cls.__name__


class A(metaclass=Meta):
    pass


def make():
    return A()


def probe(kept):
    return type(kept).tag()
