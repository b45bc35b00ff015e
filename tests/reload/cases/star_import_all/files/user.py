from subject import *


def make():
    return None


def probe(kept):
    return "g" in globals()
