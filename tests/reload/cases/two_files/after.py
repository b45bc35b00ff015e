def f(x, step):
    return x + step
