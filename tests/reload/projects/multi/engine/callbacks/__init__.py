from collections.abc import Callable

REGISTRY: dict[str, Callable] = {}


def register(callback: Callable) -> Callable:
    REGISTRY[callback.__name__] = callback
    return callback


from . import report  # noqa: E402, F401 - registers what it defines
