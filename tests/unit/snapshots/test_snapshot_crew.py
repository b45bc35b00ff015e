"""Work that a few threads share."""

import threading

import pytest

from livespark.snapshots.crew import together


def test_every_item_is_taken_once() -> None:
    """However many there are, none included."""
    for count in (0, 1, 3, 100):
        taken: list[int] = []
        together(taken.append, range(count))
        assert sorted(taken) == list(range(count))


def test_four_work_at_a_time() -> None:
    """None of four can end before all have begun."""
    barrier = threading.Barrier(4, timeout=30)

    together(lambda _: barrier.wait(), range(4))


def test_an_error_ends_it() -> None:
    """It is raised to the caller, when all have ended; what has not been taken is left."""
    taken: list[int] = []
    before = threading.active_count()

    def work(item: int) -> None:
        taken.append(item)
        raise OSError(f"at {item}")

    with pytest.raises(OSError, match=r"at [0-3]"):
        together(work, range(1000))
    assert 1 <= len(taken) <= 4
    assert threading.active_count() == before
