"""The journal goes back to a step, and watches a metric."""

import math
from typing import Any

import pytest
import torch

from livespark.runtime import torch_support
from livespark.runtime.journal import Journal
from livespark.runtime.scalars import Late


@pytest.mark.parametrize("step", [None, 40])
def test_counting_goes_on_from_the_mark(step: int | None) -> None:
    """Both ways to have a step: given, or counted by calls."""
    journal = Journal()
    journal.log(loss=1.0, step=step)
    journal.log(loss=1.0)
    mark, stood = journal.mark(), journal.step
    journal.log(loss=1.0, step=90)
    journal.go_back(mark)
    assert journal.step == stood
    journal.log(loss=1.0)
    assert journal.step == (3 if step is None else 40)


def test_steps_of_the_optimizer_are_counted_again() -> None:
    """A script that never logged before counts its optimizer's steps."""
    journal = Journal()
    journal.count_step()
    mark = journal.mark()
    journal.log(loss=1.0)
    journal.go_back(mark)
    journal.count_step()
    assert journal.step == 2


def test_a_mark_changes_nothing_and_rows_stay_logged() -> None:
    """What was seen can't be made unseen."""
    journal = Journal()
    journal.listen()
    journal.log(loss=1.0)
    mark = journal.mark()
    journal.log(loss=2.0)
    journal.go_back(mark)
    journal.log(loss=3.0)
    (event,) = journal.drain()
    assert (event.steps, event.series) == ([1, 2, 2], {"loss": [1.0, 2.0, 3.0]})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("loss", True),
        ("train/loss", True),
        ("val_loss", True),
        ("loss/train", True),
        ("gloss", False),
        ("losses", False),
        ("loss_scale", False),
        ("lr", False),
    ],
)
def test_a_watch_means_the_metric_in_all_its_groups(name: str, meant: bool) -> None:
    """And no other metric."""
    journal = Journal()
    watch = journal.watch("loss")
    journal.log({name: math.nan}, step=812)
    assert watch.bad == (f"{name} is nan at step 812" if meant else None)


@pytest.mark.parametrize("listening", [False, True])
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, torch.tensor(math.nan)])
def test_a_watch_tells_the_first_bad_value(listening: bool, value: Any) -> None:
    """Also where nobody listens; good values and huge integers are good."""
    journal = Journal()
    if listening:
        journal.listen()
    watch = journal.watch("loss")
    journal.log(loss=0.5)
    journal.log(loss=10**400)
    assert watch.bad is None
    journal.log(loss=value)
    journal.log(loss=math.nan)
    assert watch.bad == f"loss is {float(value)} at step 3"


def test_numbers_on_a_device_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are waited for."""
    monkeypatch.setattr(torch_support.read, "__defaults__", (lambda tensor: True,))
    journal = Journal()
    journal.listen()
    watch = journal.watch("loss")
    journal.log(loss=torch.tensor(math.inf))
    assert isinstance(journal._rows[0][2]["loss"], Late)
    assert watch.bad == "loss is inf at step 1"


def test_a_closed_watch_costs_nothing() -> None:
    """Rows are rows again; another watch goes on; the rows stay."""
    journal = Journal()
    journal.listen()
    before = type(journal._rows)
    first, second = journal.watch("loss"), journal.watch("accuracy")
    assert type(journal._rows) is not before
    first.close()
    journal.log(loss=math.nan, accuracy=math.nan)
    assert (first.bad, second.bad) == (None, "accuracy is nan at step 1")
    second.close()
    assert type(journal._rows) is before
    assert len(journal.drain()) == 1


def test_a_watch_outlives_a_new_listener() -> None:
    """A link that comes or goes does not end it."""
    journal = Journal()
    watch = journal.watch("loss")
    journal.listen()
    journal.close()
    journal.log(loss=math.nan)
    assert watch.bad
