"""Which snapshots stay: a table, and what holds for all."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.protocol.snapshots import SnapshotInfo, Snapshotting
from livespark.snapshots.retention import Aim, better, metric_of, parse_best, superseded


def info(number: int, value: int | float | str | None = None, label: str = "") -> SnapshotInfo:
    metrics = {} if value is None else {"loss": value}
    return SnapshotInfo(number, float(number), "every", label=label, metrics=metrics)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("accuracy", ("accuracy", "max")),
        ("loss", ("loss", "min")),
        ("val_loss", ("val_loss", "min")),
        ("val/loss", ("val/loss", "min")),
        ("valLoss", ("valLoss", "min")),
        ("eval.WER", ("eval.WER", "min")),
        ("testRMSE", ("testRMSE", "min")),
        ("trainloss", ("trainloss", "min")),
        ("perplexity", ("perplexity", "min")),
        ("err@5", ("err@5", "min")),
        ("fid50k", ("fid50k", "min")),
        ("tower", ("tower", "max")),
        ("lossless_ratio", ("lossless_ratio", "max")),
        ("inferred", ("inferred", "max")),
        ("max:loss", ("loss", "max")),
        ("min:accuracy", ("accuracy", "min")),
        ("group:loss", ("group:loss", "min")),
        ("min:max:x", ("max:x", "min")),
    ],
)
def test_what_is_good_of_a_metric(text: str, expected: tuple[str, Aim]) -> None:
    """A prefix says it, else the name does."""
    assert parse_best(text) == expected


@pytest.mark.parametrize("text", ["", " ", "min:", "max: "])
def test_a_metric_needs_a_name(text: str) -> None:
    """The error says how to write it."""
    with pytest.raises(ValueError, match="names no metric: write accuracy, max:accuracy or min:loss"):
        parse_best(text)


@pytest.mark.parametrize(
    ("value", "than", "aim", "expected"),
    [
        (1.0, 2.0, "min", True),
        (2.0, 1.0, "min", False),
        (2.0, 1.0, "max", True),
        (1.0, 1.0, "max", False),
        (1.0, 1.0, "min", False),
        (1.0, None, "max", True),
        (1.0, math.nan, "min", True),
        (math.nan, 1.0, "min", False),
        (math.nan, None, "max", False),
        (math.inf, 1.0, "max", True),
        (-math.inf, 1.0, "min", True),
    ],
)
def test_which_value_is_better(value: float, than: float | None, aim: Aim, expected: bool) -> None:
    """Strictly, and NaN never."""
    assert better(value, than, aim) is expected


@pytest.mark.parametrize(
    ("infos", "policy", "gone"),
    [
        ([], Snapshotting(), []),
        ([info(1)], Snapshotting(keep=0), []),
        ([info(1), info(2), info(3)], Snapshotting(keep=2), [1]),
        ([info(3), info(1), info(2)], Snapshotting(keep=1), [1, 2]),
        ([info(1, label="start"), info(2), info(3)], Snapshotting(keep=1), [2]),
        ([info(1, 0.5), info(2, 0.1), info(3, 0.9), info(4, 0.3)], Snapshotting(keep=1, best="loss"), [1, 3]),
        ([info(1, 0.5), info(2, 0.1), info(3, 0.9), info(4, 0.3)], Snapshotting(keep=1, best="max:loss"), [1, 2]),
        ([info(1, 0.5), info(2, 0.1), info(3)], Snapshotting(keep=1, best="loss", keep_best=2), []),
        ([info(1, "nan"), info(2, 0.1), info(3, "inf"), info(4)], Snapshotting(keep=1, best="loss"), [1, 3]),
        ([info(1, "nan"), info(2), info(3)], Snapshotting(keep=1, best="loss", keep_best=5), [1, 2]),
        ([info(1, 0.1), info(2, 0.1), info(3)], Snapshotting(keep=1, best="loss"), [2]),
        ([info(1, "rubbish"), info(2, str(10**400)), info(3)], Snapshotting(keep=1, best="loss"), [1, 2]),
        ([info(1, 0.1), info(2)], Snapshotting(keep=1, best="loss", keep_best=0), [1]),
    ],
)
def test_what_is_superseded(infos: list[SnapshotInfo], policy: Snapshotting, gone: list[int]) -> None:
    """The newest, the labelled and the best stay."""
    assert superseded(infos, policy) == gone


NUMBERS = st.one_of(st.none(), st.floats(allow_nan=False), st.just("nan"), st.just("inf"), st.just("-inf"))
INFOS = st.lists(st.tuples(NUMBERS, st.sampled_from(["", "", "mine"])), max_size=12).map(
    lambda rows: [info(number, value, label) for number, (value, label) in enumerate(rows, 1)]
)
POLICIES = st.builds(
    Snapshotting,
    keep=st.integers(0, 5),
    best=st.sampled_from(["", "loss", "max:loss", "other"]),
    keep_best=st.integers(0, 4),
)


@given(INFOS, POLICIES)
def test_what_holds_for_every_policy(infos: list[SnapshotInfo], policy: Snapshotting) -> None:
    """The newest and the labelled stay, nothing that stays is worse than what goes, and a second look takes no more."""
    gone = superseded(infos, policy)
    left = [each for each in infos if each.number not in gone]

    assert not infos or infos[-1] in left
    assert all(not each.label for each in infos if each.number in gone)
    assert left[-policy.keep :] == infos[-policy.keep :] or not policy.keep
    assert superseded(left, policy) == []
    assert len(left) <= max(policy.keep, 1) + policy.keep_best + sum(bool(each.label) for each in infos)
    if policy.best and policy.keep_best:
        name, aim = parse_best(policy.best)
        lost = [metric_of(each, name) for each in infos if each.number in gone]
        kept = [metric_of(each, name) for each in left]
        best = max if aim == "max" else min
        values = [value for value in kept if value is not None]
        assert all(value is None or not better(value, best(values), aim) for value in lost)
