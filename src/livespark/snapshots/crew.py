"""Several files at a time. What takes long is the disk and the hash, and both leave the interpreter to others.

A disk that flushes four files together is about as fast as with one.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, TypeVar

__all__ = ("together",)

_THREADS: Final = 4

_T = TypeVar("_T")


def together(work: Callable[[_T], object], items: Sequence[_T]) -> None:
    """Call `work` with each item, from up to four threads, one of them the caller's. Returns when all have ended.

    Raises what the first one raised that did; then some items have not been taken.
    """
    crew = _Crew(work, items)
    others = [threading.Thread(target=crew.work, daemon=True) for _ in range(min(_THREADS, len(items)) - 1)]
    for thread in others:
        thread.start()
    crew.work()
    for thread in others:
        thread.join()
    if crew.problem:
        raise crew.problem


class _Crew(Generic[_T]):
    def __init__(self, work: Callable[[_T], object], items: Sequence[_T]) -> None:
        self.problem: BaseException | None = None
        self._work, self._left = work, iter(items)
        self._lock = threading.Lock()

    def work(self) -> None:
        try:
            for item in self._taken():
                self._work(item)
        except BaseException as error:
            self.problem = self.problem or error

    def _taken(self) -> Iterator[_T]:
        while not self.problem:
            with self._lock:
                found = next(((item,) for item in self._left), None)
            if found is None:
                return
            yield found[0]
