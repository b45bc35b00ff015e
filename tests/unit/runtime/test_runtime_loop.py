"""`spark.loop`: positions, and where a loop goes on."""

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.errors import SparkReloadError, UsageError
from livespark.protocol.commands import Pause, Reload
from livespark.protocol.lifecycle import RunState
from livespark.runtime.core import Core
from livespark.runtime.level import Level
from livespark.runtime.loop import Loops
from livespark.runtime.ports import SilentOutbox
from livespark.runtime.positions import Position
from livespark.runtime.process import Runtime
from livespark.runtime.progress import Progress, Rates
from livespark.runtime.request import Request
from tests.unit.runtime.stage import running, wait_until


class Script:
    """A script on this thread that can be reloaded: `run` executes it and says how it ended."""

    def __init__(self) -> None:
        self.runtime = Runtime()
        self.loop = self.runtime.loops.loop
        self.core: Core = self.runtime.core

    def reload(self) -> None:
        """Ask for a reload, as a delivered command does."""
        self.core.ask(Request(Reload(), SilentOutbox()))

    def run(self, script: Callable[[], object]) -> BaseException | None:
        try:
            script()
        except BaseException as error:
            if not isinstance(error, SparkReloadError):
                self.core.levels[0].scope.note_exception()
            caught: BaseException | None = error
        else:
            caught = None
        self.core.escape.close()
        self.core.levels[0].rerun()
        if isinstance(caught, SparkReloadError):
            self.runtime.restart()
        return caught


def test_items_come_through_and_the_position_counts() -> None:
    """Undisturbed, a loop is the iterable."""
    script = Script()
    assert list(script.loop("n", "abc")) == ["a", "b", "c"]
    (position,) = script.core.levels[0].scope.children.values()
    assert (position.index, position.total, position.ended) == (3, 3, True)
    assert script.core.levels[0].open == []


@pytest.mark.parametrize("wrong", ["", 3, None])
def test_wrong_keys_are_told(wrong: object) -> None:
    """The key is a text."""
    with pytest.raises(UsageError, match="the key must be a text"):
        Script().loop(wrong, [1])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="on_error"):
        Script().loop("k", [1], on_error="stop")  # type: ignore[arg-type]


def test_a_reload_between_items_goes_on_with_the_next_of_the_same_iterator() -> None:
    """The live iterator is not begun again."""
    script = Script()
    seen: list[Any] = []

    def body() -> None:
        for item in script.loop("n", iter(range(5)) if not seen else iter("never used")):
            seen.append(item)
            if item == 2:
                script.reload()

    assert isinstance(script.run(body), SparkReloadError)
    assert script.run(body) is None
    assert seen == [0, 1, 2, 3, 4]


def test_nested_loops_re_enter_the_outer_item_and_go_on_with_the_next_inner_one() -> None:
    """Inner positions belong to the outer item: the next outer item begins its inner loop afresh."""
    script = Script()
    seen: list[Any] = []

    def body() -> None:
        for epoch in script.loop("epoch", ["a", "b", "c"]):
            for batch in script.loop("batch", iter(range(3))):
                seen.append((epoch, batch))
                if (epoch, batch) in (("a", 1), ("b", 2)) and seen.count((epoch, batch)) == 1:
                    script.reload()

    while isinstance(script.run(body), SparkReloadError):
        pass
    assert seen == list(itertools.product("abc", range(3)))


def test_a_checkpoint_in_the_body_leaves_a_reload_for_the_items_end() -> None:
    """Inside a body, pause and calls apply, a hard reload does not."""
    script = Script()
    seen: list[Any] = []

    def body() -> None:
        for item in script.loop("n", range(3)):
            if item == 1 and len(seen) == 1:
                script.reload()
            script.core.checkpoint()
            seen.append(item)

    assert isinstance(script.run(body), SparkReloadError)
    assert seen == [0, 1]
    script.run(body)
    assert seen == [0, 1, 2]


def test_break_ends_the_loop_for_good() -> None:
    """After a reload the script passes a loop that it had broken out of, and one that had no more items."""
    script = Script()
    seen: list[Any] = []

    def body() -> None:
        for item in script.loop("warm-up", range(10)):
            seen.append(("warm-up", item))
            if item == 1:
                break
        for item in script.loop("train", iter(range(3))):
            seen.append(("train", item))
            if item == 1:
                script.reload()

    script.run(body)
    assert script.run(body) is None
    assert seen == [("warm-up", 0), ("warm-up", 1), ("train", 0), ("train", 1), ("train", 2)]


def wrapped(iterable: Iterable[int]) -> Iterator[int]:
    """As a progress bar does."""
    try:
        yield from iterable
    finally:
        len("bar closed")


def manual(iterable: Iterable[int]) -> Iterator[int]:
    for item in iterable:  # noqa: UP028 - the point is a frame of its own
        yield item


@pytest.mark.parametrize(
    "around", [iter, enumerate, wrapped, manual, lambda it: zip(it, itertools.count(), strict=False)]
)
@pytest.mark.parametrize("leave", ["break", "return", "raise", "with", "finally", "nested"])
def test_break_and_exceptions_are_told_apart(around: Callable[[Iterable[int]], Iterable[object]], leave: str) -> None:
    """Also through wrappers, `with`, `finally`, and a `return` out of an inner loop."""
    script = Script()

    def body() -> int:
        for _ in around(script.loop("n", [1, 2, 3])):
            if leave == "break":
                break
            if leave == "return":
                return len([1])
            if leave == "raise":
                raise ValueError
            if leave == "with":
                with threading.Lock():
                    raise ValueError
            if leave == "nested":
                for _ in range(3):
                    return 1
            try:
                raise ValueError
            finally:
                len("finally")
        return 0

    error = script.run(body)
    (position,) = script.core.levels[0].scope.children.values()
    assert position.unfinished is (error is not None)
    assert position.ended is (error is None)


def test_after_an_exception_the_item_is_done_again_on_the_same_iterator() -> None:
    """Held, fixed, and on with the batch it was at; the outer loop does not move."""
    script, broken = Script(), [True]
    seen: list[Any] = []

    def body() -> None:
        for epoch in script.loop("epoch", range(2)):
            for batch in script.loop("batch", iter([10, 20, 30])):
                if broken and (epoch, batch) == (0, 20):
                    raise ZeroDivisionError
                seen.append((epoch, batch))

    assert isinstance(script.run(body), ZeroDivisionError)
    broken.clear()
    assert script.run(body) is None
    assert seen == [(epoch, batch) for epoch in (0, 1) for batch in (10, 20, 30)]


def test_after_an_exception_the_item_is_skipped_if_asked() -> None:
    """`on_error="skip"` leaves the bad item out."""
    script = Script()
    seen: list[Any] = []

    def body() -> None:
        for item in script.loop("n", [1, 2, 3], on_error="skip"):
            if item == 2:
                raise ValueError
            seen.append(item)

    script.run(body)
    script.run(body)
    assert seen == [1, 3]


def test_an_iterator_that_raised_is_replaced_at_its_position() -> None:
    """A generator is dead after an exception: the loop takes a new one and skips what is done."""
    script, broken = Script(), [True]
    seen: list[Any] = []

    def source() -> Iterator[int]:
        for item in range(4):
            if item == 2 and broken:
                raise OSError("disk")
            yield item

    def body() -> None:
        seen.extend(script.loop("n", source()))

    assert isinstance(script.run(body), OSError)
    seen[:] = [0, 1]
    broken.clear()
    script.run(body)
    assert seen == [0, 1, 2, 3]


def test_a_range_can_be_made_longer() -> None:
    """Three more epochs: edit the number, save, and it goes on."""
    script = Script()
    seen: list[Any] = []
    script.run(lambda: seen.extend(script.loop("epoch", range(2))))
    script.run(lambda: seen.extend(script.loop("epoch", range(5))))
    assert seen == [0, 1, 2, 3, 4]


def test_loops_of_one_key_after_each_other_are_different_loops() -> None:
    """Training and evaluation batches in one epoch may share their key."""
    script = Script()
    seen: list[Any] = []

    def body() -> None:
        for part in ("train", "test"):
            for item in script.loop("batch", iter(range(2))):
                seen.append((part, item))
                if (part, item) == ("test", 0):
                    script.reload()

    script.run(body)
    script.run(body)
    assert seen == [("train", 0), ("train", 1), ("test", 0), ("test", 1)]


def test_an_item_is_not_kept_alive_once_it_is_done() -> None:
    """The position holds the current item only."""
    script = Script()
    for _ in script.loop("n", [[1], [2]]):
        (position,) = script.core.levels[0].open
        assert position.item is not None
    assert position.item is None


def test_total_is_the_length_where_there_is_one() -> None:
    """A generator has none, an argument wins, a length that raises does not matter."""

    class Endless:
        def __len__(self) -> int:
            raise TypeError("no length")

        def __iter__(self) -> Iterator[int]:
            return iter([1])

    def total(iterable: Iterable[object], given: int | None = None) -> int | None:
        script = Script()
        for _ in script.loop("n", iterable, given):
            (position,) = script.core.levels[0].open
            return position.total
        return None

    assert [total([1, 2]), total(iter([1])), total([1], 7), total(Endless())] == [2, None, 7, None]


def test_loops_in_an_endless_while_cost_no_memory_and_do_not_come_back() -> None:
    """Of very many loops of one key the oldest are only counted; after a reload they are over all the same."""
    script = Script()
    done: list[int] = []

    def collect(rounds: int) -> None:
        for number in range(rounds):
            for item in script.loop("collect", iter([number])):
                done.append(item)

    assert script.run(lambda: collect(3000)) is None
    assert len(script.core.levels[0].scope.children) <= 1000
    assert script.run(lambda: collect(3001)) is None
    assert done == list(range(3001))


def test_progress_has_rate_and_parent() -> None:
    """Rates come from two looks of the link's thread."""
    script, now = Script(), [0.0]
    progress = Progress(script.core, Rates(lambda: now[0]))
    for _ in script.loop("epoch", range(3)):
        for batch in script.loop("batch", range(100)):
            if batch == 10:
                first = progress.look().loops
            if batch == 30:
                now[0] += 2.0
                second = progress.look().loops
                break
        break
    assert [(loop.key, loop.index, loop.total, loop.parent, loop.rate) for loop in first] == [
        ("epoch", 0, 3, "", None),
        ("batch", 10, 100, "epoch", None),
    ]
    assert [(loop.index, loop.rate) for loop in second] == [(0, None), (30, 10.0)]
    assert progress.look().loops == []


def test_rates_hold_between_slow_steps_and_fall_when_nothing_comes() -> None:
    """Ten seconds a step are 0.1 a second also in between; after that, no more than the silence allows."""
    now = [0.0]
    rates = Rates(lambda: now[0])

    def look(at: float, value: int) -> float | None:
        now[0] = at
        return rates.look("steps", value)

    assert [look(0, 5), look(3, 5), look(10, 6), look(15, 6), look(19.9, 6)] == [None, None, 0.1, 0.1, 0.1]
    assert look(110, 6) == 0.01
    assert look(111, 2) is None


def test_a_run_that_stands_still_has_no_rates() -> None:
    """Paused, nothing is said about speed, and nothing changes that would have to be sent."""

    def script(runtime: Runtime) -> None:
        for _ in runtime.loops.loop("n", itertools.count()):
            runtime.journal.log(loss=1.0)
            time.sleep(0.0005)

    with running(script) as stage:
        wait_until(lambda: (delta := stage.desk.delta(full=True)) and delta.steps_per_second, "a speed")
        stage.answer(stage.pause())
        wait_until(lambda: (delta := stage.desk.delta(full=True)) and delta.steps_per_second is None, "no speed")
        assert stage.desk.delta(full=False) is None
        shown = stage.desk.delta(full=True)
        assert shown is not None
        assert shown.loops is not None
        assert [loop.rate for loop in shown.loops] == [None]


def test_a_reload_that_waits_for_a_resume_is_told() -> None:
    """Paused by a checkpoint inside an item, a hard reload can't begin; once, a notice says what to do."""
    runs: list[int] = []

    def script(runtime: Runtime) -> None:
        runs.append(0)
        for _ in runtime.loops.loop("n", itertools.count()):
            runs[-1] += 1
            if runs == [3]:
                runtime.controller().pause()
                runtime.core.checkpoint()
            time.sleep(0.0005)

    with running(script) as stage:
        stage.reach(RunState.PAUSED)
        first, second = stage.reload(), stage.reload()
        wait_until(lambda: stage.notices, "the notice")
        assert not stage.is_answered(first)
        stage.answer(stage.resume())
        assert [stage.answer(first).outcome, stage.answer(second).outcome] == ["applied", "applied"]
        assert [notice.code for notice in stage.notices] == ["reload-waits"]


def test_pause_takes_hold_between_items() -> None:
    """A loop is a checkpoint per item."""
    seen: list[int] = []

    def script(runtime: Runtime) -> None:
        for item in runtime.loops.loop("n", itertools.count()):
            seen.append(item)
            time.sleep(0.0005)

    with running(script) as stage:
        stage.answer(stage.ask(Pause()))
        stood = len(seen)
        (loop,) = stage.desk.delta(full=True).loops or []  # type: ignore[union-attr]
        assert loop.index == stood


@given(
    outer=st.integers(1, 4),
    inner=st.integers(0, 4),
    interruptions=st.lists(st.sampled_from(["reload", "raise"]), max_size=8),
    every=st.integers(1, 3),
)
def test_no_item_is_lost_or_repeated(outer: int, inner: int, interruptions: list[str], every: int) -> None:
    """However often a script is reloaded or held, each item's body ends exactly once."""
    script, turn = Script(), itertools.count(1)
    finished: list[tuple[int, int]] = []

    def disturb(kind: str) -> None:
        if interruptions and interruptions[0] == kind and next(turn) % every == 0:
            interruptions.pop(0)
            if kind == "raise":
                raise ValueError
            script.reload()

    def body() -> None:
        for first in script.loop("outer", range(outer)):
            for second in script.loop("inner", iter(range(inner))):
                disturb("raise")
                finished.append((first, second))
                disturb("reload")

    while script.run(body) is not None:
        pass
    assert finished == list(itertools.product(range(outer), range(inner)))


def test_a_loop_left_open_does_not_confuse_the_next() -> None:
    """An iterator that the script forgets is closed some time; its position is that of an interrupted loop."""
    core = Core(lambda: None)
    loop = Loops(core).loop
    forgotten = iter(loop("n", [1, 2]))
    next(forgotten)
    assert [position.key for position in core.levels[0].open] == ["n"]
    del forgotten
    assert core.levels[0].open == []
    assert isinstance(core.levels[0], Level)
    assert isinstance(next(iter(core.levels[0].scope.children.values())), Position)
