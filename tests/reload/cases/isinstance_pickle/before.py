import copy
import pickle


class A:
    def f(self):
        return 1


def make():
    return A()


def probe(kept):
    again = pickle.loads(pickle.dumps(kept))
    return [isinstance(kept, A), type(again) is A, again.f(), type(copy.deepcopy(kept)) is type(kept)]
