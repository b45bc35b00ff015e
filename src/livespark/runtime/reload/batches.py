"""Which batches the iterator of a DataLoader has drawn from its sampler and not given yet.

Theory: torch's iterators draw index batches in one method, `_next_index`, which is replaced here. A multi-process
iterator calls it each time it has received an item, right before it gives it; a single-process one right before it
makes the item. So what is `in_hand` at one call has been given if the count of given items has gone up since, and is
lost if an exception came instead.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from random import Random
from typing import Any, Final
from weakref import WeakSet

from livespark.runtime.reload.generators import Generators, capture

__all__ = (
    "MANY",
    "MODULE",
    "ONE",
    "Drawn",
    "drawn_by",
    "go_on",
    "live_iterators",
    "record_batches",
    "replace_live",
)

MODULE: Final = "torch.utils.data.dataloader"
MANY: Final = "_MultiProcessingDataLoaderIter"
ONE: Final = "_SingleProcessDataLoaderIter"
_NAME: Final = "_livespark_drawn"
_live: Final[WeakSet[Any]] = WeakSet()


class Drawn:
    """What one iterator has drawn in its present epoch.

    `sent`: batches by task number, of which those are of interest that the iterator is waiting for. `count`: of all
    batches drawn. `ended`: the sampler raised, its iterator gives no more. `failed`: a loop has found that the iterator
    raised, or has to give its last item again; the number of items in its dataset at that time. `stumbled`: how many
    items had been given when it last raised because of an index. `outdated`: how many had, when the code that makes
    them was last changed.
    """

    def __init__(self, sampler: object) -> None:
        self.sent: dict[int, Any] = {}
        self.in_hand: list[Any] = []
        self.count = 0
        self.ended = False
        self.failed: int | None = None
        self.stumbled = self.outdated = -1
        self._given = 0
        self._generators = capture()
        self._own = [partial(each[1], each[0]()) for each in _generators_of(sampler)]

    def note(self, batches: list[Any], given: int) -> None:
        """These batches are about to be given, `given` have been."""
        self.in_hand, self._given = batches, given

    def draw(self, iterator: Any) -> Any:
        """The next batch of the sampler."""
        try:
            batch = next(iterator._sampler_iter)
        except StopIteration:
            raise
        except BaseException:
            self.ended = True
            raise
        self.count += 1
        return batch

    def lost(self, iterator: Any) -> list[Any]:
        """What was drawn for the item that the iterator has raised instead of giving."""
        return self.in_hand if self._given == iterator._num_yielded else []

    def owed(self, iterator: Any) -> list[Any]:
        """What the workers have been asked for and have not given, in order."""
        return [self.sent[number] for number in sorted(getattr(iterator, "_task_info", ()))]

    def follow(self, before: "Drawn", owed: int) -> None:
        """What is drawn here comes after what was drawn before, but for `owed` batches, which are drawn again."""
        self.count += before.count - owed
        self.note(before.in_hand, before._given)
        self.stumbled, self.outdated = before.stumbled, before.outdated
        self._generators, self._own = before._generators, before._own

    def draw_again(self, sampler: Any) -> Iterator[Any]:
        """What `sampler` gives after what has been drawn already. Random numbers are those of the first time."""
        now = capture()
        try:
            self._generators.restore()
            Generators(tuple(self._own)).restore()
            batches: Iterator[Any] = iter(sampler)
            next(islice(batches, self.count, self.count), None)
        finally:
            now.restore()
        return batches


def record_batches() -> None:
    """From now on iterators remember what they have drawn. Costs a function call or two per batch.

    To be called when the script has imported torch; until then, and a second time, nothing happens.
    """
    for name, method in _METHODS.items():
        kind = getattr(sys.modules.get(MODULE), name, None)
        if kind is not None and "_next_index" not in vars(kind) and hasattr(kind, "_next_index"):
            kind._next_index = method


def drawn_by(iterator: Any) -> Drawn | None:
    """The record of an iterator; None if nobody looked."""
    found: Drawn | None = vars(iterator).get(_NAME)
    return found


def go_on(new: Any, before: Drawn, owed: int) -> None:
    """`new` goes on with what the iterator of `before` had not given, `owed` batches of which had been drawn."""
    drawn = vars(new).setdefault(_NAME, Drawn(()))
    drawn.follow(before, owed)


def live_iterators() -> list[Any]:
    """The iterators that have drawn something."""
    return list(_live)


def replace_live(former: Any, latter: Any) -> None:
    """The content of the one iterator is that of the other now."""
    _live.discard(former)
    _live.add(latter)


def _next_of_many(self: Any) -> Any:
    """Replaces `_next_index` of torch's multi-process iterator."""
    drawn = vars(self).get(_NAME)
    if drawn is None or self._send_idx == 0:
        drawn = vars(self)[_NAME] = Drawn(self._index_sampler)
        _live.add(self)
    received = [number for number in drawn.sent if number not in self._task_info]
    drawn.note([drawn.sent.pop(number) for number in received], self._num_yielded)
    batch = drawn.draw(self)
    drawn.sent[self._send_idx] = batch
    return batch


def _next_of_one(self: Any) -> Any:
    """Replaces `_next_index` of torch's single-process iterator."""
    drawn = vars(self).get(_NAME)
    if drawn is None:
        drawn = vars(self)[_NAME] = Drawn(self._index_sampler)
        _live.add(self)
    batch = drawn.draw(self)
    drawn.note([batch], self._num_yielded)
    return batch


_METHODS: Final = {MANY: _next_of_many, ONE: _next_of_one}


def _generators_of(sampler: Any, deep: int = 3) -> Iterator[tuple[Callable[[], Any], Callable[[Any], object]]]:
    """How to get and to set the states of a sampler's own random generators, and of those of the samplers in it."""
    torch = sys.modules["torch"]
    for part in vars(sampler).values() if deep and hasattr(sampler, "__dict__") else ():
        if isinstance(part, Random):
            yield part.getstate, part.setstate
        elif isinstance(part, torch.Generator):
            yield part.get_state, part.set_state
        elif isinstance(part, torch.utils.data.Sampler):
            yield from _generators_of(part, deep - 1)
