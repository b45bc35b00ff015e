"""What has to be done in a forked child, for objects that may be gone by then."""

import os
import weakref
from collections.abc import Callable

__all__ = ("call_in_forked_child",)


def call_in_forked_child(method: Callable[[], None]) -> None:
    """The bound `method` is called in each child forked from here on, as long as its object lives."""
    weak = weakref.WeakMethod(method)

    def call() -> None:
        if found := weak():
            found()

    os.register_at_fork(after_in_child=call)
