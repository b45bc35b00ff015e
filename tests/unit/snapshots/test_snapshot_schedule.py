"""When a snapshot is due by itself, and when a run goes back by itself."""

import math
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.protocol.snapshots import AutoRewind, Snapshotting
from livespark.runtime.snapshots.schedule import Best, Schedule, Trip

_NUMBERS = st.floats(0.01, 100)


def _schedule(steps: int = 0, seconds: float = 0) -> Schedule:
    return Schedule(Snapshotting(every_steps=steps, every_seconds=seconds), 100.0)


@pytest.mark.parametrize(
    ("every", "taken", "now", "due"),
    [
        (0, 0, 1000, False),
        (10, 0, 9, False),
        (10, 0, 10, True),
        (10, 10, 11, False),
        (10, 12, 19, False),
        (10, 12, 25, True),
        (1, 7, 8, True),
        (10, 35, 12, False),  # the run has gone back
    ],
)
def test_due_by_steps(every: int, taken: int, now: int, due: bool) -> None:
    schedule = _schedule(every)
    schedule.taken(0.0, taken)
    assert schedule.due_by_step(now) is due


def test_after_going_back_the_same_steps_are_due_again() -> None:
    schedule = _schedule(10)
    schedule.taken(0.0, 30)
    assert next(step for step in range(15, 40) if schedule.due_by_step(step)) == 20


@given(st.integers(1, 50), st.lists(st.integers(1, 7), max_size=100))
def test_one_in_each_stretch_of_so_many_steps(every: int, strides: list[int]) -> None:
    """However the steps are numbered, one is due as soon as a multiple has been passed, and one only."""
    schedule, step, taken = _schedule(every), 0, []
    for stride in strides:
        before, step = step, step + stride
        assert schedule.due_by_step(step) is (step // every > before // every)
        if schedule.due_by_step(step):
            taken.append(step // every)
            schedule.taken(0.0, step)
    assert taken == sorted(set(taken))


def test_due_by_time_since_the_last_one() -> None:
    schedule = _schedule(seconds=60)
    assert not schedule.due_by_time(159.9)
    assert schedule.due_by_time(160.0)
    schedule.taken(165.0, None)
    assert not schedule.due_by_time(224.0)
    assert schedule.due_by_time(225.0)
    assert not _schedule().due_by_time(1e9)


def test_the_best_of_the_first_metric_that_is_meant() -> None:
    best = Best(Snapshotting(best="loss"))
    looked = [("accuracy", 1.0), ("val/loss", 3.0), ("loss", 1.0), ("val/loss", math.nan), ("val/loss", 3.0)]
    assert [best.look(*each) for each in looked] == [False, True, False, False, False]
    assert best.look("val/loss", 2.0)
    assert not Best(Snapshotting()).look("loss", 1.0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_trips(value: float) -> None:
    trip = Trip(AutoRewind())
    assert trip.look("loss", 1.0) == ""
    assert trip.look("train/loss", value) == f"train/loss is {value}"
    assert trip.look("accuracy", value) == ""


def test_it_trips_so_many_times_and_once_more_to_tell() -> None:
    trip = Trip(AutoRewind(times=2))
    spent = []
    while trip.look("loss", math.nan):
        spent.append(trip.spend())
    assert spent == [True, True, False]
    assert not trip.watches("loss")


@given(st.lists(_NUMBERS, min_size=20, max_size=300), st.floats(1.5, 20), _NUMBERS)
def test_a_spike_is_far_above_the_median_of_the_newest(values: list[float], factor: float, value: float) -> None:
    """Of the last 101 values that were no spikes themselves."""
    trip, ordinary = Trip(AutoRewind(spike=factor)), list[float]()
    for each in [*values, value]:
        newest = sorted(ordinary[-101:])
        spikes = len(newest) >= 20 and each > factor * newest[len(newest) // 2]
        assert bool(trip.look("loss", each)) is spikes
        if not spikes:
            ordinary.append(each)
    assert len(ordinary) < 21 or median(ordinary) > 0


def test_a_spike_is_told_from_the_ordinary_anew_after_going_back() -> None:
    trip = Trip(AutoRewind(spike=2.0))
    assert [trip.look("loss", 1.0) for _ in range(20)] == [""] * 20
    assert trip.look("loss", 2.5) == "loss is 2.5, more than 2 times its median of 1"
    assert trip.spend()
    assert trip.look("loss", 2.5) == ""


def test_losses_below_zero_have_no_spikes() -> None:
    trip = Trip(AutoRewind(spike=2.0))
    assert {trip.look("loss", -1.0) for _ in range(30)} == {""}
    assert trip.look("loss", 50.0) == ""


def test_snapshots_to_go_back_to_from_the_very_first_step_on() -> None:
    trip = Trip(AutoRewind(steps=5))
    steps = [*range(1, 13), *range(6, 13)]
    assert [step for step in steps if trip.due_by_step(step)] == [1, 5, 10, 10]
