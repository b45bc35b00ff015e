"""A loop over a DataLoader that raised goes on with the same batch, when the code has been mended, in the same order.

Theory: what raised is a dataset, a collate function, a sampler, or a worker that died; what is left of the epoch is
known (`batches`). So the iterator, which a loop or a wrapper holds, becomes one over these batches, with dataset,
workers and all the rest of the loader that the script gives now: the mistake may have been in one of its arguments.
Where that loader can't have the same batches (another size), it is iterated over afresh. The same where an index was
wrong twice: then it is the batches that are wrong.
"""

from itertools import chain, takewhile
from typing import Any, Final

from livespark.runtime.reload.batches import Drawn, drawn_by, go_on
from livespark.runtime.reload.workers import made_anew, settings_of, transplant

__all__ = ("Ahead", "give_again", "leave_out", "note_failure", "take_up")

_MAP: Final = 0
"""torch's `_DatasetKind.Map`."""


class Ahead(chain[Any]):
    """Some items, and then what `iterator` gives."""

    items: list[Any]
    iterator: Any

    @classmethod
    def of(cls, items: list[Any], iterator: Any) -> "Ahead":
        made = cls(items, iterator)
        made.items, made.iterator = items, iterator
        return made


def note_failure(iterator: Any, index: int, error: BaseException) -> bool:
    """The iterator of a loop raised when it was asked for item `index`. -> whether it can be taken up again."""
    parts, records = _recorded(iterator)
    given = [each._num_yielded - index for each in parts]
    if not {0} <= set(given) <= {0, 1}:
        return False
    is_lookup = isinstance(error, LookupError)
    if is_lookup and any(drawn.stumbled == index for drawn in records):
        return False
    for each, drawn, ahead in zip(parts, records, given, strict=True):
        each._num_yielded -= ahead
        drawn.failed = _size(each)
        drawn.stumbled = index if is_lookup else drawn.stumbled
    return True


def give_again(iterator: Any, index: int, item: Any) -> Any:
    """What gives item `index` once more, made by the code of now, where `item` was made by other code. None if it was
    not, or can't be had again. To be followed by `take_up`."""
    if type(iterator) is enumerate:
        inner: Any = give_again(_parts(iterator)[0], index, item[1])
        return None if inner is None else enumerate(inner, item[0])
    parts, records = _recorded(iterator)
    given = {each._num_yielded for each in parts}
    if given != {index + 1} or all(drawn.outdated != index + 1 for drawn in records):
        return None
    if type(iterator) is zip and len(parts) < len(_parts(iterator)):
        return None
    for each, drawn in zip(parts, records, strict=True):
        each._num_yielded -= 1
        drawn.failed = _size(each)
    return iterator


def leave_out(iterator: Any) -> None:
    """The item that the iterator has raised for shall not come again."""
    for each in _loaders(iterator):
        if (drawn := drawn_by(each)) and drawn.failed is not None:
            drawn.note([], each._num_yielded)
            each._num_yielded += 1


def take_up(iterator: Any, iterable: Any) -> bool:
    """Make an iterator that has raised go on, with the settings of the loaders in `iterable`, which the loop is given
    now. -> False if it can't; then it is no longer good for anything. Raises what the loader raises when it begins.
    """
    parts = [each for each in _loaders(iterator) if (drawn := drawn_by(each)) and drawn.failed is not None]
    sources = _loaders(iterable)
    if parts and (len(sources) != len(parts) or not all(map(_fits, parts, sources))):
        for each in parts:
            _renew_persistent(each)
        return False
    for each, source in zip(parts, sources, strict=False):
        _take_up(each, source)
    return True


def _is_loader(value: Any) -> bool:
    return hasattr(value, "_dataset_kind") and hasattr(value, "_index_sampler")


def _loaders(value: Any) -> list[Any]:
    """The DataLoaders, or iterators of such, that something consists of; empty where that can't be told."""
    if _is_loader(value):
        return [value]
    if isinstance(value, Ahead):
        return _loaders(value.iterator)
    if type(value) is enumerate:
        return _loaders(_parts(value)[0])
    if type(value) is zip:  # what comes behind an iterator that raises has not been asked
        return list(takewhile(_is_loader, _parts(value)))
    return []


def _parts(wrapper: Any) -> tuple[Any, ...]:
    """The iterators in an `enumerate` or a `zip`."""
    parts: tuple[Any, ...] = wrapper.__reduce__()[1]
    return parts[:1] if type(wrapper) is enumerate else parts


def _recorded(iterator: Any) -> tuple[list[Any], list[Drawn]]:
    """The loaders' iterators in this one, and their records; none where one is not known."""
    parts = _loaders(iterator)
    records = [drawn for each in parts if (drawn := drawn_by(each)) and each._dataset_kind == _MAP]
    return (parts, records) if len(records) == len(parts) else ([], [])


def _fits(iterator: Any, source: Any) -> bool:
    """Whether the batches of the one can be had from the other."""
    drawn = drawn_by(iterator)
    return drawn is not None and drawn.failed == _size(source) and _shape(iterator) == _shape(source)


def _shape(source: Any) -> tuple[object, ...]:
    return source._dataset_kind, source._auto_collation, getattr(source._index_sampler, "batch_size", None)


def _size(source: Any) -> int:
    dataset = source._dataset if hasattr(source, "_dataset") else source.dataset
    try:
        return len(dataset)
    except Exception:
        return -1


def _take_up(iterator: Any, source: Any) -> None:
    drawn: Any = drawn_by(iterator)
    owed = [*drawn.lost(iterator), *drawn.owed(iterator)]
    rest = drawn.draw_again(source._index_sampler) if drawn.ended else iterator._sampler_iter
    drawn.ended = True  # should it raise again now, the sampler's iterator has been used
    _become(iterator, source, chain(owed, rest), drawn, len(owed))


def _renew_persistent(iterator: Any) -> None:
    """Whoever iterates over its loader again gets this iterator again, which must not have workers with old code."""
    if getattr(iterator, "_persistent_workers", False):
        _become(iterator, iterator, (), Drawn(()), 0)


def _become(iterator: Any, source: Any, batches: Any, before: Drawn, owed: int) -> None:
    sampler = source._index_sampler
    new = made_anew(iterator, settings_of(source), batches)
    go_on(new, before, owed)
    transplant(iterator, new, sampler)
