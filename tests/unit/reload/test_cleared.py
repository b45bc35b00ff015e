"""What goes with a persisted value that is made anew."""

import pytest
import torch

from livespark.runtime.reload.cleared import check_clear, leaving
from livespark.runtime.reload.undo import Refusal


def test_what_several_values_hold_stays() -> None:
    """An encoder that is kept under a key of its own is none of the model's that is cleared."""
    encoder = torch.nn.Linear(1, 1)
    model = torch.nn.Sequential(encoder, torch.nn.Linear(1, 1))
    values = {"encoder": encoder, "model": model}
    gone = leaving(["model"], values)
    assert (id(model) in gone, id(model[1]) in gone, id(encoder) in gone) == (True, True, False)
    check_clear(["model"], values)


@pytest.mark.parametrize("key", ["optimizer", "count"])
def test_what_nothing_else_needs_is_cleared_alone(key: str) -> None:
    """The parameters that an optimizer holds are the model's; plain values are nobody's."""
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters())
    check_clear([key], {"model": model, "optimizer": optimizer, "count": 1, "same": 1})


def test_what_holds_a_cleared_value_is_named() -> None:
    """A scheduler its optimizer, a trainer its model; with what to do."""
    optimizer = torch.optim.SGD(torch.nn.Linear(1, 1).parameters())
    values = {"opt": optimizer, "sched": torch.optim.lr_scheduler.ConstantLR(optimizer)}
    with pytest.raises(Refusal, match=r"'sched' holds what is in 'opt' now.*--clear opt --clear sched"):
        check_clear(["opt"], values)
    check_clear(["opt", "sched"], values)
