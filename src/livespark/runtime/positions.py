"""Where loops stand: a tree, because an inner loop's position belongs to one item of the loop around it.

A loop is found again after a reload by its key and by how many loops of that key came before it within the same item of
the same outer loop (or the same script, or the same call).

Somebody can remember how all of this stands (`places.Place`), and go back to it when the loops have been left. While
they do, a position's class is another one, that keeps the items drawn since; nobody else pays for it.
"""

import time
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final, Literal, Protocol, TypeAlias

from livespark.runtime.reload.batches import record_batches
from livespark.runtime.reload.generators import Generators, capture
from livespark.runtime.reload.refetch import give_again, leave_out, note_failure, take_up
from livespark.runtime.snapshots.loading import Saved, Source, begin
from livespark.runtime.snapshots.owners import Owners, Path

__all__ = ("OnError", "Position", "Scope")

OnError: TypeAlias = Literal["again", "skip"]

_KEPT: Final = 1000
"""Loops of one key in one place whose positions are kept: a loop in a plain `while True` must not use up the memory."""


class Follower(Protocol):
    """Somebody who is told what a loop's iterator gives, and how it ends."""

    def note_item(self, index: int, item: Any) -> None: ...
    def note_end(self, iterator: Iterator[Any] | None) -> None: ...
    def note_loss(self, iterator: Iterator[Any] | None) -> None: ...


class Scope:
    """Something that loops can stand in. Of the first `past` loops of a key no more is known than that they ended."""

    __slots__ = ("children", "owners", "past", "path", "seen")

    def __init__(self) -> None:
        self.owners = Owners()
        self.path: Path = ()
        self.children: dict[tuple[str, int], Position] = {}
        self.seen: dict[str, int] = {}
        self.past: dict[str, int] = {}

    def enter(self, key: str) -> "Position":
        """The position of the next loop of this key."""
        occurrence = self.seen.get(key, 0)
        self.seen[key] = occurrence + 1
        if occurrence < self.past.get(key, 0):
            return self._adopt(Position(key, ended=True), occurrence)
        if self.children.pop((key, occurrence - _KEPT), None):
            self.past[key] = occurrence - _KEPT + 1
        return self.children.get((key, occurrence)) or self.add(key, occurrence)

    def add(self, key: str, occurrence: int) -> "Position":
        """A loop that has not begun."""
        position = self.children[key, occurrence] = self._adopt(Position(key), occurrence)
        return position

    def _adopt(self, position: "Position", occurrence: int) -> "Position":
        position.owners, position.path = self.owners, (*self.path, (position.key, occurrence))
        return position

    def rerun(self) -> None:
        """The code of this scope starts again from its top; the loops in it will go on."""
        self.seen.clear()
        if not self.path:
            self.owners.rerun()

    def forget(self) -> None:
        """The loops in this scope belong to the past."""
        self.children.clear()
        self.seen.clear()
        self.past.clear()

    def note_exception(self) -> None:
        """The loops left in the middle of an item were left by an exception that ended the script."""
        for position in self.children.values():
            position.note_exception()

    def skip_unfinished(self) -> None:
        """The items that were left in the middle are left out: those of the innermost loops alone."""
        for position in self.children.values():
            position.skip_unfinished()


class Position(Scope):
    """Where one loop stands: `index` items are done; with `unfinished`, `item` has begun and not ended; with `failed`,
    the iterator raised instead of giving it.

    What the body of an item draws before the loops in it decides what these loops are over. So `start` is how the
    generators stood when the item began, and the body draws the same when another process goes on within it.
    `starts`: the next item is one of which that is to be known: the first, those behind one with loops in it, and (with
    `returns`) one that is gone on with.
    """

    __slots__ = (
        "_iterator",
        "_saved",
        "_source",
        "ended",
        "failed",
        "index",
        "item",
        "key",
        "on_error",
        "parent",
        "places",
        "returns",
        "since",
        "start",
        "starts",
        "total",
        "unfinished",
    )

    def __init__(self, key: str, *, ended: bool = False) -> None:
        super().__init__()
        self.key = key
        self.parent = ""
        self.index = 0
        self.item: Any = None
        self.total: int | None = None
        self.since = time.time()
        self.on_error: OnError = "again"
        self.unfinished = self.failed = False
        self.ended = ended
        self.start: Generators | None = None
        self.starts, self.returns = True, False
        self.places: tuple[Follower, ...] = ()
        self._iterator: Iterator[Any] | None = None
        self._source: Source | None = None
        self._saved: Saved | None = None

    def items(self, iterable: Iterable[Any]) -> Iterator[Any]:
        """The items still to come: of the iterator that is under way, else of `iterable` from the position on."""
        self.rerun()
        again, self.unfinished, self.failed = self.unfinished, False, False
        if self.ended:
            return iter(())
        if type(iterable) is range:
            self._iterator = None
            return iter(iterable[self.index :])
        if again and (renewed := give_again(self._iterator, self.index, self.item)) is not None:
            self._iterator, again = renewed, False
        if self._iterator is not None and not take_up(self._iterator, iterable):
            self._lose()
        if self._iterator is None:
            again = self._begin(iterable, again)
        assert self._iterator is not None
        return chain((self.item,), self._iterator) if again else self._iterator

    def _begin(self, iterable: Iterable[Any], again: bool) -> bool:
        """Take a new iterator, at the position. -> whether the item in hand comes before what it gives."""
        saved, self._saved = self._saved, None
        has_item = again and saved is not None and self.item is not None
        record_batches()
        self.owners.entering(self.path, iterable, goes_on=saved is not None)
        self._iterator, self._source = begin(iterable, saved, self.index + has_item)
        return has_item

    def note_start(self) -> None:
        """An item begins, whose start is to be known."""
        if self.returns and self.start is not None:
            self.start.restore()
        else:
            self.start = capture()
        self.starts = self.returns = False

    def return_to(self, start: Generators) -> None:
        """The item in hand begins once more as it has begun: there are loops in it that go on."""
        self.start, self.starts, self.returns = start, True, True

    def forget(self) -> None:
        super().forget()
        self.starts, self.returns = True, False

    def exhaust(self) -> None:
        """There are no more items. Not an end for a range: it may be longer when the script runs again."""
        self.ended = self.ended or self._iterator is not None
        for place in self.places:
            place.note_end(self._iterator)
        self._iterator = self.start = None
        if not self.places:
            self._source = None

    def leave(self, *, broken: bool) -> None:
        """The loop was left in the middle of an item: by a `break`, which ends it, or by an exception."""
        self.unfinished, self.ended = not broken, broken
        if broken:
            self.item = self._iterator = self._source = self.start = None

    def note_failure(self, error: BaseException) -> None:
        """The iterator raised. The next attempt takes a new one at this position, if this one can't be relied on."""
        self.failed = True
        if self._iterator is not None and not note_failure(self._iterator, self.index, error):
            self._lose()

    def _lose(self) -> None:
        for place in self.places:
            place.note_loss(self._iterator)
        self._iterator = None

    def note_exception(self) -> None:
        super().note_exception()
        if (self.unfinished or self.failed) and self.on_error == "skip":
            self._skip()

    def skip_unfinished(self) -> None:
        inner = any(position.unfinished or position.failed for position in self.children.values())
        super().skip_unfinished()
        if (self.unfinished or self.failed) and not inner:
            self._skip()

    def _skip(self) -> None:
        if self.failed and self._iterator is not None:
            leave_out(self._iterator)
        self.unfinished = self.failed = False
        self.item = None
        self.index += 1
        self.forget()

    def place(self) -> tuple[Iterator[Any] | None, Source | None, Saved | None]:
        """What gives the items, and what it was made from; what it shall be made from, if it is still to be made."""
        return self._iterator, self._source, self._saved

    def keep_items(self, places: tuple[Follower, ...]) -> None:
        """From now on these places are told which items are drawn."""
        self.places = places
        self.__class__ = _Remembered if places else Position

    def stand(self, index: int, item: Any, iterator: Iterator[Any] | None, *, unfinished: bool, ended: bool) -> None:
        """Stand at another place of the same loop."""
        self.keep_items(())
        self.index, self.item, self._iterator = index, item, iterator
        self.unfinished, self.failed, self.ended = unfinished, False, ended

    def stand_as_saved(self, index: int, item: Any, saved: Saved | None, *, unfinished: bool, ended: bool) -> None:
        """Stand where a loop stood in another process, or at an earlier time."""
        self.stand(index, item, None, unfinished=unfinished, ended=ended)
        self._saved, self._source = saved, None


_item: Final = vars(Position)["item"]
"""The slot itself."""


class _Remembered(Position):
    """A position whose items are kept. Only ever the class of a live `Position`, for a while."""

    __slots__ = ()

    @property
    def item(self) -> Any:
        return _item.__get__(self)

    @item.setter
    def item(self, item: Any) -> None:
        _item.__set__(self, item)
        for place in self.places:
            place.note_item(self.index, item)
