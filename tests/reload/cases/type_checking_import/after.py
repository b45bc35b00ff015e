from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import other


def f(x):
    return x + 10
