"""Which snapshot a word means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.cli.pointing import Pointer, listed, parse, pick
from livespark.errors import UsageError
from livespark.protocol.snapshots import SnapshotInfo

INFOS = [
    SnapshotInfo(3, 1.0, "every", 1000),
    SnapshotInfo(5, 2.0, "asked", 8800, "good"),
    SnapshotInfo(6, 3.0, "asked", 9000, "good"),
    SnapshotInfo(7, 4.0, "end", 8800, "final"),
    SnapshotInfo(8, 5.0, "asked", None, "9"),
]


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("quiet-otter", Pointer("quiet-otter")),
        ("quiet", Pointer("quiet")),
        ("quiet-otter@7", Pointer("quiet-otter", 7)),
        ("q@007", Pointer("q", 7)),
        ("q@final", Pointer("q", label="final")),
        ("q@the best one", Pointer("q", label="the best one")),
        ("q@a@b", Pointer("q", label="a@b")),
        ("q@step:8800", Pointer("q", step=8800)),
        ("q@step:8,800", Pointer("q", step=8800)),
        ("q@step:soon", Pointer("q", label="step:soon")),
        ("q@step:,", Pointer("q", label="step:,")),
        ("q@step:-_", Pointer("q", label="step:-_")),
        (f"q@step:{'9' * 5000}", Pointer("q", label=f"step:{'9' * 5000}")),
        ("q@-1", Pointer("q", label="-1")),
        ("q@1234567890", Pointer("q", label="1234567890")),
        ("@7", Pointer(None, 7)),
    ],
)
def test_a_word_is_taken_apart(text: str, pointer: Pointer) -> None:
    """A run, and what of it: a number, a label, a step; nothing means the newest."""
    assert parse(text) == pointer
    assert pointer.is_newest is ("@" not in text)


@pytest.mark.parametrize(
    ("text", "said"), [("", "'' names no snapshot; expected RUN@7"), ("@", "names no"), ("q@", "what follows the @ in")]
)
def test_a_word_that_names_nothing_is_refused(text: str, said: str) -> None:
    """With what is expected."""
    with pytest.raises(UsageError, match=said):
        parse(text)


@given(st.text())
def test_any_word_is_a_pointer_or_a_refusal(text: str) -> None:
    """Nothing else is raised, and at most one place is named."""
    try:
        pointer = parse(text)
    except UsageError:
        return
    assert [pointer.number is not None, bool(pointer.label), pointer.step is not None].count(True) <= 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("q", 8),
        ("q@5", 5),
        ("q@good", 6),
        ("q@final", 7),
        ("q@step:999999", 6),
        ("q@step:8999", 7),
        ("q@step:1000", 3),
    ],
)
def test_the_one_that_is_meant(text: str, number: int) -> None:
    """Of several with one label the newest; of a step the furthest that is not beyond it, of equal ones the newest."""
    assert pick(INFOS, parse(text), "quiet-otter").number == number


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("q@9", r"quiet-otter has no snapshot 9; it has 3, 5 \(good\), 6 \(good\), 7 \(final\), 8 \(9\)"),
        ("q@nope", "quiet-otter has no snapshot labelled 'nope'; it has 3, 5"),
        ("q@step:999", "quiet-otter has no snapshot at or before step 999; it has 3, 5"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(text: str, said: str) -> None:
    """So that the next try is right."""
    with pytest.raises(UsageError, match=said):
        pick(INFOS, parse(text), "quiet-otter")


def test_a_run_without_snapshots_is_told_how_to_get_one() -> None:
    """For each way to point."""
    for text in ("q", "q@1", "q@x", "q@step:1"):
        with pytest.raises(UsageError, match=r"quiet-otter has no snapshot yet. `livespark snapshot quiet-otter`"):
            pick([], parse(text), "quiet-otter")


def test_of_many_the_newest_are_listed() -> None:
    """A line stays a line."""
    many = [SnapshotInfo(number, 1.0, "every") for number in range(100)]
    assert listed(many) == "..., 92, 93, 94, 95, 96, 97, 98, 99"
