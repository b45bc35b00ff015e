def f(x):
    y = x
      return y

def make():
    return None

def probe(kept):
    return f(1)
