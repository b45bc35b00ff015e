from subject import RATE

DOUBLE = RATE * 2
TOTAL = [DOUBLE, RATE]


def scaled(x, by=RATE):
    return x * by


class Plan:
    rate = DOUBLE

    def describe(self):
        return [self.rate, TOTAL, scaled(1)]


def make():
    return Plan()


def probe(kept):
    return kept.describe()
