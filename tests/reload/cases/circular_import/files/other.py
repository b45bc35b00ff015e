import subject


def g(x):
    return subject.h(x)
