"""`spark.log`: what is taken, what is refused, and how rows become columns."""

import math
import threading
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from livespark.protocol import codec
from livespark.protocol.events import Metrics, Number
from livespark.runtime import torch_support
from livespark.runtime.columns import columns
from livespark.runtime.journal import Journal
from livespark.runtime.scalars import Late


def listening() -> Journal:
    journal = Journal()
    journal.listen()
    return journal


def logged(value: Any) -> Number:
    """What arrives on the wire for one value."""
    journal = listening()
    journal.log(x=value)
    (event,) = journal.drain()
    sent: Metrics = codec.decode(codec.encode(event), Metrics)
    assert sent == event
    return sent.series["x"][0]


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (0.5, 0.5),
        (3, 3),
        (True, 1),
        (2**63, str(2**63)),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), 1),
        (np.array(2.5), 2.5),
        (np.array([2.5]), 2.5),
        (torch.tensor(0.5), 0.5),
        (torch.tensor(0.5, requires_grad=True), 0.5),
        (torch.tensor([3]), 3),
        (torch.tensor(True), 1),
        (torch.tensor(0.5, dtype=torch.bfloat16), 0.5),
        (torch.nn.Parameter(torch.tensor(math.nan)), "nan"),
        (Fraction(1, 2), 0.5),
        (Decimal("0.5"), 0.5),
    ],
)
def test_numbers_of_all_kinds(value: Any, wire: Number) -> None:
    """Each arrives as the number it is, with its type."""
    result = logged(value)
    assert result == wire
    assert type(result) is type(wire)


@pytest.mark.parametrize(
    "value", ["0.5", None, [0.5], 1j, np.array(1j), torch.tensor(1j), {"a": 1}, np.str_("x"), object()]
)
def test_what_is_no_number_is_refused_by_name(value: Any) -> None:
    """The sentence names the metric."""
    with pytest.raises(TypeError, match="'loss'"):
        listening().log(loss=value)


@pytest.mark.parametrize("value", [torch.zeros(3), torch.zeros(2, 2), np.zeros(3), torch.zeros(0)])
def test_several_numbers_are_refused_with_their_shape(value: Any) -> None:
    """An array of several numbers needs a decision that is the script's."""
    with pytest.raises(ValueError, match=r"'loss' has the shape \("):
        listening().log({"loss": value})


def test_wrong_mappings_and_steps_are_refused() -> None:
    """Each with a sentence; nothing is logged."""
    journal = listening()
    wrong: list[tuple[type[Exception], Callable[[], None]]] = [
        (TypeError, lambda: journal.log([1])),  # type: ignore[arg-type]
        (TypeError, lambda: journal.log({1: 0.5})),  # type: ignore[dict-item]
        (TypeError, lambda: journal.log(x=0.5, step="3")),  # type: ignore[arg-type]
        (TypeError, lambda: journal.log(x=0.5, step=1.5)),  # type: ignore[arg-type]
        (ValueError, lambda: journal.log(x=0.5, step=-1)),
        (ValueError, lambda: journal.log(x=0.5, step=True)),
    ]
    for kind, call in wrong:
        with pytest.raises(kind, match="log: "):
            call()
    assert journal.drain() == []


def test_steps_count_calls_until_one_is_given() -> None:
    """`step` is the last one given, else the number of calls."""
    journal = listening()
    positions = [journal.step]
    for _ in range(2):
        journal.log(a=1.0)
        positions.append(journal.step)
    assert positions == [None, 1, 2]
    journal.log(a=3.0, step=100)
    journal.log(a=4.0)
    journal.log({"a": 5.0}, step=np.int64(101))  # type: ignore[arg-type]
    (event,) = journal.drain()
    assert (event.steps, journal.step) == ([1, 2, 100, 100, 101], 101)


def test_steps_of_an_optimizer_count_only_until_something_is_logged() -> None:
    """A script that never logs has the optimizer's steps as its axis."""
    journal = listening()
    journal.count_step()
    journal.count_step()
    assert journal.step == 2
    journal.log(a=1.0)
    journal.count_step()
    assert journal.step == 1


def test_consecutive_rows_of_the_same_names_share_an_event() -> None:
    """Names that change begin another event; empty rows give none."""
    journal = listening()
    journal.log(a=1.0, b=2.0)
    journal.log({"a": 3.0}, b=4.0)
    journal.log()
    journal.log(c=5)
    first, second = journal.drain()
    assert first.series == {"a": [1.0, 3.0], "b": [2.0, 4.0]}
    assert (second.series, second.steps) == ({"c": [5]}, [4])
    assert journal.drain() == []


def test_events_have_a_bounded_size() -> None:
    """A backlog becomes several events."""
    journal = listening()
    for _ in range(12_000):
        journal.log(a=1.0)
    assert [len(event.steps) for event in journal.drain()] == [10_000, 2_000]


def test_detached_nothing_is_kept() -> None:
    """Nobody listens: no row stays in memory, and errors are told all the same."""
    journal = Journal()
    for _ in range(100):
        journal.log(a=1.0)
    assert journal.drain() == []
    assert journal.step == 100
    with pytest.raises(TypeError):
        journal.log(a="x")


def test_the_caller_s_mapping_is_not_touched() -> None:
    """`log` reads it only."""
    metrics = {"a": torch.tensor(1.0)}
    listening().log(metrics, b=2.0)
    assert list(metrics) == ["a"]
    assert isinstance(metrics["a"], torch.Tensor)


def test_a_tensor_on_a_device_is_copied_now_and_fetched_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later changes of the tensor do not show, and the graph is not kept."""
    monkeypatch.setattr(torch_support, "is_late", lambda tensor: True)
    monkeypatch.setattr(torch_support.read, "__defaults__", (torch_support.is_late,))
    journal = listening()
    value = torch.tensor(1.0, requires_grad=True)
    for turn in range(3):
        journal.log(loss=value * 2, lr=0.1, count=torch.tensor(turn), flag=torch.tensor(True))
        with torch.no_grad():
            value += 1
    late = journal._rows[0][2]["loss"]
    assert isinstance(late, Late)
    assert late.copy.grad_fn is None
    (event,) = journal.drain()
    assert event.series == {"loss": [2.0, 4.0, 6.0], "lr": [0.1] * 3, "count": [0, 1, 2], "flag": [1, 1, 1]}


def test_a_number_that_its_device_does_not_give_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed device costs its numbers, not the link's thread."""

    def fail(late: object) -> None:
        raise RuntimeError("device-side assert")

    monkeypatch.setattr(torch_support.read, "__defaults__", (lambda tensor: True,))
    monkeypatch.setattr(torch_support, "fetch", fail)
    journal = listening()
    journal.log(loss=torch.tensor(1.0), lr=0.1)
    (event,) = journal.drain()
    assert event.series == {"lr": [0.1]}


def test_the_newest_numbers_are_those_that_were_logged_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a number that is still on its device, and while another thread drains: by them the best one is chosen."""
    monkeypatch.setattr(torch_support.read, "__defaults__", (lambda tensor: True,))
    journal, fetch, seen = listening(), torch_support.fetch, list[Any]()

    def fetch_and_look(late: Any) -> Any:
        monkeypatch.setattr(torch_support, "fetch", fetch)
        seen.append(journal.newest())
        return fetch(late)

    journal.log(accuracy=torch.tensor(0.5), lr=0.1)
    journal.log(accuracy=torch.tensor(0.75))
    assert journal.newest() == {"accuracy": 0.75, "lr": 0.1}
    monkeypatch.setattr(torch_support, "fetch", fetch_and_look)
    assert [event.series for event in journal.drain()] == [{"accuracy": [0.5], "lr": [0.1]}, {"accuracy": [0.75]}]
    assert seen == [{"accuracy": 0.75, "lr": 0.1}]
    assert journal.drain() == []
    assert journal.newest() == {"accuracy": 0.75, "lr": 0.1}


def test_threads_may_log_at_once() -> None:
    """No row is lost between several writers and the drain."""
    journal = listening()

    def log() -> None:
        for _ in range(2000):
            journal.log(a=1.0)

    threads = [threading.Thread(target=log) for _ in range(3)]
    for thread in threads:
        thread.start()
    rows = 0
    while any(thread.is_alive() for thread in threads):
        rows += sum(len(event.steps) for event in journal.drain())
    rows += sum(len(event.steps) for event in journal.drain())
    assert rows == 6000


_values = st.one_of(st.floats(), st.integers(-(2**70), 2**70))


@given(st.lists(st.dictionaries(st.sampled_from("abc"), _values, max_size=3), max_size=20))
def test_columns_hold_exactly_the_rows(rows: list[dict[str, int | float]]) -> None:
    """Every number, its step and its name are found again, in order."""
    events = list(columns([(float(step), step, values) for step, values in enumerate(rows)]))
    found = [
        (step, {name: codec.from_number(column[index]) for name, column in event.series.items()})
        for event in events
        for index, step in enumerate(event.steps)
    ]
    expected = [(step, values) for step, values in enumerate(rows) if values]
    assert repr(found) == repr(expected)
