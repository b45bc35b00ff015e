"""Where loops stand: a tree, because an inner loop's position belongs to one item of the loop around it.

A loop is found again after a reload by its key and by how many loops of that key came before it within the same item of
the same outer loop (or the same script, or the same call).
"""

import time
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any, Final, Literal, TypeAlias

__all__ = ("OnError", "Position", "Scope")

OnError: TypeAlias = Literal["again", "skip"]

_KEPT: Final = 1000
"""Loops of one key in one place whose positions are kept: a loop in a plain `while True` must not use up the memory."""


class Scope:
    """Something that loops can stand in. Of the first `past` loops of a key no more is known than that they ended."""

    __slots__ = ("children", "past", "seen")

    def __init__(self) -> None:
        self.children: dict[tuple[str, int], Position] = {}
        self.seen: dict[str, int] = {}
        self.past: dict[str, int] = {}

    def enter(self, key: str) -> "Position":
        """The position of the next loop of this key."""
        occurrence = self.seen.get(key, 0)
        self.seen[key] = occurrence + 1
        if occurrence < self.past.get(key, 0):
            return Position(key, ended=True)
        if self.children.pop((key, occurrence - _KEPT), None):
            self.past[key] = occurrence - _KEPT + 1
        return self.children.setdefault((key, occurrence), Position(key))

    def rerun(self) -> None:
        """The code of this scope starts again from its top; the loops in it will go on."""
        self.seen.clear()

    def forget(self) -> None:
        """The loops in this scope belong to the past."""
        self.children.clear()
        self.seen.clear()
        self.past.clear()

    def note_exception(self) -> None:
        """The loops left in the middle of an item were left by an exception that ended the script."""
        for position in self.children.values():
            position.note_exception()


class Position(Scope):
    """Where one loop stands: `index` items are done; with `unfinished`, `item` has begun and not ended."""

    __slots__ = ("_iterator", "ended", "index", "item", "key", "on_error", "parent", "since", "total", "unfinished")

    def __init__(self, key: str, *, ended: bool = False) -> None:
        super().__init__()
        self.key = key
        self.parent = ""
        self.index = 0
        self.item: Any = None
        self.total: int | None = None
        self.since = time.time()
        self.on_error: OnError = "again"
        self.unfinished = False
        self.ended = ended
        self._iterator: Iterator[Any] | None = None

    def items(self, iterable: Iterable[Any]) -> Iterator[Any]:
        """The items still to come: of the iterator that is under way, else of `iterable` from the position on."""
        self.rerun()
        again, self.unfinished = self.unfinished, False
        if self.ended:
            return iter(())
        if type(iterable) is range:
            self._iterator = None
            return iter(iterable[self.index :])
        if self._iterator is None:
            self._iterator = islice(iter(iterable), self.index, None) if self.index else iter(iterable)
            return self._iterator
        return chain((self.item,), self._iterator) if again else self._iterator

    def exhaust(self) -> None:
        """There are no more items. Not an end for a range: it may be longer when the script runs again."""
        self.ended = self.ended or self._iterator is not None
        self._iterator = None

    def leave(self, *, broken: bool) -> None:
        """The loop was left in the middle of an item: by a `break`, which ends it, or by an exception."""
        self.unfinished, self.ended = not broken, broken
        if broken:
            self.item = self._iterator = None

    def lose_iterator(self) -> None:
        """The iterator raised; it can't be relied on. The next attempt takes a new one at this position."""
        self._iterator = None

    def note_exception(self) -> None:
        super().note_exception()
        if self.unfinished and self.on_error == "skip":
            self.unfinished = False
            self.item = None
            self.index += 1
            self.forget()
