from functools import singledispatch


@singledispatch
def show(x):
    return "other"


@show.register
def _(x: int):
    return "int"


def make():
    return show


def probe(kept):
    return [kept(1), kept("a")]
