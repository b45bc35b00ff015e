from enum import Enum


class Color(Enum):
    RED = 1
    BLUE = 2

    def show(self):
        return self.name.lower()


def make():
    return Color.RED


def probe(kept):
    return [kept.show(), kept is Color.RED, kept is Color(kept.value), isinstance(kept, Color), [m.name for m in Color]]
