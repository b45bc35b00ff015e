"""How loops stood at a moment that somebody remembers, and the items that they have given since."""

from collections.abc import Iterator
from typing import Any

from livespark.runtime.positions import Position, Scope
from livespark.runtime.reload.refetch import Ahead

__all__ = ("Place",)


class Place:
    """How the loops in a scope stood. Until it is let go, the items that they draw from then on are kept."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._past = dict(scope.past)
        self._children = {name: (position, _LoopPlace(position)) for name, position in scope.children.items()}

    def put_back(self) -> None:
        """The loops stand again as they stood; those that are new are gone. Their code has been left, and runs again.

        Iterators that have gone on give the items since then again. Other places that were remembered are forgotten.
        """
        self._scope.rerun()
        self._scope.past = dict(self._past)
        self._scope.children = {name: position for name, (position, _) in self._children.items()}
        for _, place in self._children.values():
            place.put_back()

    def let_go(self) -> None:
        """Nobody will go back to it. A second time, nothing happens."""
        for _, place in self._children.values():
            place.let_go()


class _LoopPlace(Place):
    """How a loop stood, and the items that it has drawn since.

    Of each index one item is kept, the first: a loop sets its item again when it repeats it, and clears it (None) at
    its end. `_drawn` begins with the item after the one that was in hand.
    """

    def __init__(self, position: Position) -> None:
        super().__init__(position)
        self._position = position
        self._index, self._item, self._iterator = position.index, position.item, position._iterator
        self._unfinished, self._ended = position.unfinished, position.ended
        self._first = position.index + (position.item is not None)
        self._drawn: list[Any] = []
        self._iterator_ended = False
        if self._iterator is not None:
            position.keep_items((*position.places, self))

    def note_item(self, index: int, item: Any) -> None:
        if self._first + len(self._drawn) <= index and not self._iterator_ended:
            self._drawn.append(item)

    def note_end(self, iterator: Iterator[Any] | None) -> None:
        """The iterator is exhausted: it may be used again for another loop, as that of persistent workers is."""
        self._iterator_ended = self._iterator_ended or iterator is self._iterator

    def note_loss(self, iterator: Iterator[Any] | None) -> None:
        """The iterator has raised."""
        if iterator is self._iterator and not self._iterator_ended:
            self._iterator = None

    def put_back(self) -> None:
        super().put_back()
        begun = self._first > self._index and not self._ended
        self._position.stand(
            self._index, self._item, self._ahead(), unfinished=self._unfinished or begun, ended=self._ended
        )

    def let_go(self) -> None:
        super().let_go()
        self._position.keep_items(tuple(each for each in self._position.places if each is not self))

    def _ahead(self) -> Iterator[Any] | None:
        if self._iterator is None:
            return None
        return iter(self._drawn) if self._iterator_ended else Ahead.of(self._drawn, self._iterator)
