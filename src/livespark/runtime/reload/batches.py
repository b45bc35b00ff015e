"""Which batches the iterator of a DataLoader has drawn from its sampler and not given yet.

Theory: torch's iterators draw index batches in one method, `_next_index`, which is replaced here. A multi-process
iterator calls it each time it has received an item, right before it gives it; a single-process one right before it
makes the item. So what is `in_hand` at one call has been given if the count of given items has gone up since, and is
lost if an exception came instead. The workers get their batches in turn; a loader may tell (`TURN`) whose turn is
first. The same batches can be drawn again from the generators' states of two moments: when the sampler was asked
for its iterator, and when that was asked for the first batch.
"""

import sys
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import islice
from typing import Any, Final, NamedTuple
from weakref import WeakSet

from livespark.runtime.reload.generators import Generators, capture
from livespark.runtime.reload.owned import States, generators_of, generators_of_sampler, put_states, states_of

__all__ = (
    "MANY",
    "MODULE",
    "ONE",
    "TURN",
    "Drawn",
    "Moment",
    "drawn_by",
    "go_on",
    "live_iterators",
    "record_batches",
    "replace_live",
)

MODULE: Final = "torch.utils.data.dataloader"
MANY: Final = "_MultiProcessingDataLoaderIter"
ONE: Final = "_SingleProcessDataLoaderIter"
TURN: Final = "_livespark_turn"
_live: Final[WeakSet[Any]] = WeakSet()


class Moment(NamedTuple):
    """How the process's generators stood, and a sampler's own."""

    generators: Generators
    own: States

    @classmethod
    def of(cls, sampler: Any) -> "Moment":
        """As they stand now."""
        return cls(capture(), states_of(generators_of_sampler(sampler)))

    def restore(self, sampler: Any) -> None:
        """They stand so again. `sampler`: this one, or one that is built like it."""
        self.generators.restore()
        put_states(generators_of_sampler(sampler), self.own)


class Drawn:
    """What one iterator has drawn in its present epoch.

    `sent`: batches by task number, of which those are of interest that the iterator is waiting for. `count`: of all
    batches drawn. `ended`: the sampler raised, its iterator gives no more. `failed`: a loop has found that the iterator
    raised, or has to give its last item again; the number of items in its dataset at that time. `stumbled`: how many
    items had been given when it last raised because of an index. `outdated`: how many had, when the code that makes
    them was last changed. `began`, `first`: when the sampler was asked for its iterator, and that for a batch. `whole`:
    nothing was drawn before anybody looked. `turn`: the worker that gets the first batch. `generator`:
    the loader's. `content`: of a stream, how the generators in it stood at the beginning. `later`: its workers, if
    it has any, have made items in earlier epochs.
    """

    NAME: Final = "_livespark_drawn"

    def __init__(self, sampler: object, *, whole: bool = True) -> None:
        self.whole = whole
        self.sent: dict[int, Any] = {}
        self.in_hand: list[Any] = []
        self.count = 0
        self.turn = 0
        self.generator: Any = None
        self.content: States = {}
        self.later = False
        self.ended = False
        self.failed: int | None = None
        self.stumbled = self.outdated = -1
        self._given = 0
        self.began = Moment.of(sampler)
        self.first: Moment | None = None

    def note(self, batches: list[Any], given: int) -> None:
        """These batches are about to be given, `given` have been."""
        self.in_hand, self._given = batches, given

    def draw(self, iterator: Any) -> Any:
        """The next batch of the sampler."""
        if self.first is None:
            self.first = Moment.of(iterator._index_sampler)
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
        self.began, self.first, self.whole = before.began, before.first, before.whole
        self.generator, self.content, self.later = before.generator, before.content, before.later

    def draw_again(self, sampler: Any) -> Iterator[Any]:
        """What `sampler` gives after what has been drawn already. Random numbers are those of the first time."""
        now = capture()
        try:
            self.began.restore(sampler)
            batches: Iterator[Any] = iter(sampler)
            if self.first is not None:
                self.first.restore(sampler)
            next(islice(batches, self.count, self.count), None)
        finally:
            now.restore()
        return batches


def record_batches() -> None:
    """From now on iterators remember what they have drawn. Costs a function call or two per batch.

    To be called when the script has imported torch; until then, and a second time, nothing happens.
    """
    for name, (method, beginning) in _METHODS.items():
        kind = getattr(sys.modules.get(MODULE), name, None)
        if kind is not None and "_next_index" not in vars(kind) and hasattr(kind, "_next_index"):
            kind._next_index = method
            setattr(kind, beginning, _beginning(getattr(kind, beginning)))


def drawn_by(iterator: Any) -> Drawn | None:
    """The record of an iterator; None if nobody looked."""
    found: Drawn | None = vars(iterator).get(Drawn.NAME)
    return found


def go_on(new: Any, before: Drawn, owed: int) -> None:
    """`new` goes on with what the iterator of `before` had not given, `owed` batches of which had been drawn."""
    drawn = vars(new).setdefault(Drawn.NAME, Drawn(()))
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
    drawn = drawn_by(self) or _look(self, self._index_sampler, whole=self._send_idx == self._num_yielded == 0)
    _live.add(self)
    if self._send_idx == 0:
        next(islice(self._worker_queue_idx_cycle, drawn.turn, drawn.turn), None)
    received = [number for number in drawn.sent if number not in self._task_info]
    drawn.note([drawn.sent.pop(number) for number in received], self._num_yielded)
    batch = drawn.draw(self)
    drawn.sent[self._send_idx] = batch
    return batch


def _next_of_one(self: Any) -> Any:
    """Replaces `_next_index` of torch's single-process iterator."""
    drawn = drawn_by(self) or _look(self, self._index_sampler, whole=self._num_yielded == 0)
    _live.add(self)
    batch = drawn.draw(self)
    drawn.note([batch], self._num_yielded)
    return batch


def _look(iterator: Any, sampler: Any, *, whole: bool) -> Drawn:
    drawn = vars(iterator)[Drawn.NAME] = Drawn(sampler, whole=whole)
    return drawn


def _beginning(begin: Callable[..., None]) -> Callable[..., None]:
    """Replaces the method in which torch's iterators ask their sampler for an iterator, at the start of each epoch."""

    @wraps(begin)
    def look_and_begin(self: Any, loader: Any, *args: Any, **options: Any) -> None:
        before = drawn_by(self)
        drawn = _look(self, loader._index_sampler, whole=True)
        drawn.turn, drawn.generator, drawn.later = getattr(loader, TURN, 0), loader.generator, before is not None
        if loader._dataset_kind != sys.modules[MODULE]._DatasetKind.Map:
            drawn.content = states_of(generators_of(loader.dataset, loader.collate_fn))
        begin(self, loader, *args, **options)
        _live.add(self)

    return look_and_begin


_METHODS: Final = {MANY: (_next_of_many, "_reset"), ONE: (_next_of_one, "__init__")}
