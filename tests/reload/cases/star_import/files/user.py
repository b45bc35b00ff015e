from subject import *


def make():
    return None


def probe(kept):
    return [f(1), "g" in globals()]
