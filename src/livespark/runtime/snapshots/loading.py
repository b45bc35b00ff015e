"""How a loop's iterator is made again in another process, so that it goes on exactly where it stood.

Theory: what an iterable gives follows from the iterable and from the random numbers drawn since its iterator was asked
for. So the generators' states of that moment are remembered (a `Source`), wherever such numbers may be drawn; later
the iterator is made from these, brought forward by as many items, and then the generators stand as if nothing had been.
"""

from collections import deque
from collections.abc import Iterable, Iterator, KeysView, Sequence, ValuesView
from itertools import islice
from typing import Any, Final, NamedTuple

from livespark.runtime.reload.generators import Generators, capture
from livespark.runtime.reload.owned import put_states, states_of
from livespark.runtime.reload.refetch import Ahead
from livespark.runtime.snapshots.items import copy_of, is_plain
from livespark.runtime.snapshots.loaders import (
    Tell,
    can_describe,
    describe_loader,
    generators_in,
    is_loader,
    made_again,
)
from livespark.runtime.snapshots.parts import forward_dry, parts_of
from livespark.runtime.snapshots.stateful_loaders import is_stateful, load, state_of

__all__ = ("Saved", "Source", "begin", "describe")

_ORDERED: Final = (Sequence, KeysView, ValuesView, deque, dict)
"""What draws no random numbers when it is iterated over."""


_UNSEEN: Final = (
    "the DataLoader of a {} was iterated over before anybody looked: the loop will fetch all its batches again to get "
    "to its place, and they may be others"
)
_LEFT_OUT: Final = "{} items of a loop that has gone back are left out"
_AGAIN: Final = "the {} of a loop is not what it was: the loop fetches its items again to get to its place"


class Source(NamedTuple):
    """From what a loop's iterator was made: the generators as they stood, None where none can have been asked; and the
    iterable, if that keeps its place itself."""

    generators: Generators | None
    stateful: Any = None


class Saved(NamedTuple):
    """How a loop's iterator stood: plain data, see `describe`. `tell` hears what could not be done exactly."""

    state: dict[str, Any]
    tell: Tell


def begin(iterable: Iterable[Any], saved: Saved | None, index: int) -> tuple[Iterator[Any], Source]:
    """An iterator that gives item `index` of `iterable` next. Raises what the iterable raises. Training thread."""
    if saved is not None:
        return _begin_again(iterable, saved, index)
    generators = None if isinstance(iterable, _ORDERED) else capture()
    source = Source(generators, iterable if is_stateful(iterable) else None)
    return _forward(iter(iterable), index), source


def describe(iterator: Iterator[Any], source: Source, index: int, notes: list[str]) -> dict[str, Any]:
    """Plain data from which `begin` makes an iterator that goes on as this one, whose next item is number `index`.

    `notes`: grows by what will not go on exactly.
    """
    if source.generators is None:
        return {"generators": None, "parts": []}
    parts = [source.stateful] if source.stateful is not None else parts_of(iterator)
    described = [_describe_part(part, notes) for part in parts]
    state: dict[str, Any] = {"generators": source.generators.state(), "parts": described if any(described) else []}
    if isinstance(iterator, Ahead) and (given := max((each["given"] for each in described if each), default=0)) > index:
        state |= {"index": index, "ahead": _ahead(iterator, given - index, notes)}
    return state


def _ahead(iterator: Ahead, count: int, notes: list[str]) -> list[Any]:
    """The last `count` items of those that come before what the loaders give."""
    items = iterator.items[-count:]
    if isinstance(iterator.iterator, Ahead) or not is_plain(items):
        notes.append(_LEFT_OUT.format(count))
        return []
    return copy_of(items)  # type: ignore[no-any-return]


def _describe_part(part: Any, notes: list[str]) -> dict[str, Any] | None:
    if can_describe(part):
        return describe_loader(part, notes)
    if is_stateful(part):
        own = states_of(generators_in(part)) if hasattr(part, "_dataset_kind") else {}
        return {"kind": "stateful", "given": 0, "state": state_of(part), "own": own}
    if hasattr(part, "_dataset_kind"):
        notes.append(_UNSEEN.format(type(part._dataset).__name__))
    return None


def _begin_again(iterable: Iterable[Any], saved: Saved, index: int) -> tuple[Iterator[Any], Source]:
    states = saved.state["generators"]
    source = Source(None if states is None else Generators.of(states), iterable if is_stateful(iterable) else None)
    now = capture()
    try:
        if source.generators is not None:
            source.generators.restore()
        ahead = copy_of(saved.state.get("ahead", []))[index - saved.state.get("index", index) :]
        taken_up = _taken_up(iterable, saved, index + len(ahead))
        if taken_up is None:
            return _forward(iter(iterable), index), source
        return Ahead.of(ahead, taken_up) if ahead else taken_up, source
    finally:
        now.restore()


def _taken_up(iterable: Iterable[Any], saved: Saved, index: int) -> Iterator[Any] | None:
    """The iterator, made without fetching what has been given. None if it has to be iterated over again."""
    states, parts = saved.state["parts"], parts_of(iterable)
    if len(states) != len(parts) or not all(map(_fits, parts, states)):
        if states:
            saved.tell(_AGAIN.format(type(iterable).__name__))
        return None
    pairs = [(part, state) for part, state in zip(parts, states, strict=True) if state]
    if pairs and pairs[0][0] is iterable:
        return _part_again(*pairs[0], index, saved.tell)
    asked = forward_dry(iter(iterable), [part for part, _ in pairs], index)
    for (part, state), count in zip(pairs, asked, strict=True):
        _part_again(part, state, count, saved.tell)
    return iter(iterable) if pairs else None


def _fits(part: Any, state: dict[str, Any] | None) -> bool:
    """Whether it can take up what was described."""
    if state is not None and state["kind"] == "stateful":
        return is_stateful(part)
    return (state is not None) == (is_loader(part) or can_describe(part))


def _part_again(part: Any, state: dict[str, Any], index: int, tell: Tell) -> Iterator[Any]:
    iterator: Iterator[Any]
    if state["kind"] != "stateful":
        iterator = made_again(part, state, index - state["given"], tell)
        return iterator
    iterator = load(part, state["state"])
    if state["own"] and hasattr(part, "_dataset_kind"):
        put_states(generators_in(part), state["own"])
    return iterator


def _forward(iterator: Iterator[Any], count: int) -> Iterator[Any]:
    next(islice(iterator, count, count), None)
    return iterator
