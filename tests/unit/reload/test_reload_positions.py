"""Loops go back to where they stood: the items since then come again, whatever has happened meanwhile."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.errors import SparkReloadError
from livespark.runtime.core import Core
from livespark.runtime.loop import Loops
from livespark.runtime.places import Place
from livespark.runtime.positions import Position, Scope


class _Watched(Core):
    """Counts the checkpoints. Remembers at the one, leaves the script at the other."""

    def __init__(self, remember_at: int, leave_at: int) -> None:
        super().__init__(lambda: None)
        self.pending = True
        self.place: Place | None = None
        self.trace: list[Any] = []
        self._count = 0
        self._remember_at, self.leave_at = remember_at, leave_at

    def refresh(self) -> None:
        """There is always something asked."""

    @property
    def scope(self) -> Scope:
        return self.levels[0].scope

    def attend(self, *, boundary: bool = False) -> None:
        self._count += 1
        if self._count == self._remember_at:
            self.place = Place(self.scope)
            self.remembered = len(self.trace)
        if self._count == self.leave_at:
            raise SparkReloadError("the test")


def _numbers(count: int) -> Iterator[int]:
    yield from range(count)


_KINDS: dict[str, Callable[[int], Iterable[int]]] = {
    "range": range,
    "list": lambda count: list(range(count)),
    "iterator": _numbers,
}


def _script(core: _Watched, outer: str, inner: str, raise_at: int | None = None) -> None:
    loop = Loops(core).loop
    epochs: Iterable[int] = _KINDS[outer](3)
    for epoch in loop("epoch", epochs):
        for batch in loop("batch", _KINDS[inner](2 + epoch)):
            core.trace.append((epoch, batch))
            if len(core.trace) == raise_at:
                raise ValueError("the test")
        for batch in loop("batch", _KINDS[inner](1)):
            core.trace.append((epoch, "test", batch))


def _undisturbed(outer: str, inner: str) -> list[Any]:
    core = _Watched(-1, -1)
    _script(core, outer, inner)
    return core.trace


@given(
    outer=st.sampled_from(sorted(_KINDS)),
    inner=st.sampled_from(sorted(_KINDS)),
    remember_at=st.integers(1, 15),
    further=st.integers(0, 14),
    raises=st.booleans(),
)
def test_after_going_back_the_loops_go_on_as_if_nothing_had_been(
    outer: str, inner: str, remember_at: int, further: int, raises: bool
) -> None:
    """For all loops, at all times: what comes after `go_back` is what came after `remember`."""
    expected = _undisturbed(outer, inner)
    core = _Watched(remember_at, remember_at + further if not raises else -1)
    with suppress(SparkReloadError, ValueError):
        _script(core, outer, inner, remember_at + further if raises else None)
    core.leave_at = -1
    core.levels[0].rerun()
    if core.place is None:
        return
    core.place.put_back()
    core.place.let_go()
    del core.trace[core.remembered :]
    _script(core, outer, inner)
    assert core.trace == expected
    assert {type(position) for position in core.scope.children.values()} == {Position}


def test_it_is_the_live_iterator_that_goes_on() -> None:
    """An iterator is not made again: what it has given since comes from memory, the rest from itself."""
    core = _Watched(2, 4)
    with pytest.raises(SparkReloadError):
        list(Loops(core).loop("n", iter("abcdef")))
    assert core.place
    core.levels[0].rerun()
    core.place.put_back()
    assert list(Loops(core).loop("n", iter("never used"))) == ["c", "d", "e", "f"]


def test_an_item_that_was_in_hand_is_done_again_as_after_a_reload() -> None:
    """Remembered in the middle of an item, the loop stands before this item."""
    core = _Watched(-1, -1)
    loop = Loops(core).loop

    def script() -> None:
        for item in loop("n", iter("abcd")):
            if item == "b":
                core.place = Place(core.scope)
            if item == "d":
                raise ValueError("the test")

    with pytest.raises(ValueError, match="the test"):
        script()
    core.levels[0].rerun()
    assert core.place
    core.place.put_back()
    assert list(loop("n", iter("never used"))) == ["b", "c", "d"]


def test_an_item_left_out_since_comes_again() -> None:
    """`on_error="skip"` belongs to what is taken back, too."""
    core = _Watched(1, -1)
    loop = Loops(core).loop

    def script() -> None:
        for item in loop("n", iter("abc"), on_error="skip"):
            if item == "b":
                raise ValueError("the test")

    with pytest.raises(ValueError, match="the test"):
        script()
    core.scope.note_exception()
    core.levels[0].rerun()
    assert core.place
    core.place.put_back()
    assert list(loop("n", iter("never used"))) == ["b", "c"]


def test_an_iterator_that_raised_since_is_taken_anew() -> None:
    """A generator that has raised gives nothing more."""
    core = _Watched(1, -1)
    loop = Loops(core).loop

    def failing() -> Iterator[int]:
        yield from (0, 1)
        raise ValueError("the test")

    with pytest.raises(ValueError, match="the test"):
        list(loop("n", failing()))
    core.levels[0].rerun()
    assert core.place
    core.place.put_back()
    assert list(loop("n", iter([10, 11, 12, 13]))) == [11, 12, 13]


def test_an_iterator_used_again_after_its_end_is_not_asked_again() -> None:
    """DataLoaders with persistent workers give the same iterator for each epoch."""

    class Epochs:
        def __init__(self) -> None:
            self.left = 0

        def __iter__(self) -> "Epochs":
            self.left = 3
            return self

        def __next__(self) -> int:
            if not self.left:
                raise StopIteration
            self.left -= 1
            return self.left

    core, epochs = _Watched(2, 5), Epochs()
    loop = Loops(core).loop

    def script() -> None:
        for epoch in loop("epoch", range(2)):
            for item in loop("n", epochs):
                core.trace.append((epoch, item))

    with pytest.raises(SparkReloadError):
        script()
    assert core.trace[-1][0] == 1
    core.levels[0].rerun()
    assert core.place
    core.place.put_back()
    del core.trace[:]
    script()
    assert core.trace == [(0, 0), (1, 2), (1, 1), (1, 0)]


def test_two_places_are_remembered_independently() -> None:
    """The newer one may be forgotten, the older one still holds."""
    core = _Watched(1, 4)

    def script() -> None:
        for item in Loops(core).loop("n", iter("abcdef")):
            if item == "c":
                Place(core.scope).let_go()

    with pytest.raises(SparkReloadError):
        script()
    assert core.place
    core.levels[0].rerun()
    core.place.put_back()
    assert list(Loops(core).loop("n", "")) == ["b", "c", "d", "e", "f"]


def test_nothing_is_kept_when_nobody_remembers() -> None:
    """A forgotten place keeps no items alive, and positions are as they were."""
    core = _Watched(1, -1)
    loop = Loops(core).loop("n", iter([object() for _ in range(9)]))
    next(loop)
    first = next(loop)
    (position,) = core.scope.children.values()
    assert core.place
    assert type(position) is not Position
    core.place.let_go()
    core.place.let_go()
    assert (type(position), position.places) == (Position, ())
    next(loop)
    assert core.place._children[("n", 0)][1]._drawn == [first]
