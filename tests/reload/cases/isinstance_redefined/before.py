import pickle


class A:
    limit = 1

    def f(self):
        return self.limit


def make():
    return A()


def probe(kept):
    again = pickle.loads(pickle.dumps(kept))
    return [isinstance(kept, A), type(again) is A, again.f()]
