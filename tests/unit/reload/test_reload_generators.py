"""Random generators go on where they were."""

import random
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from livespark.runtime.reload.generators import capture


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Other tests' randomness is not disturbed."""
    generators = capture()
    yield
    generators.restore()


def _draw() -> list[float]:
    return [random.random(), random.gauss(), np.random.rand(), np.random.normal(), torch.rand(()).item()]


def test_all_generators_go_on_where_they_were() -> None:
    """What is drawn after `restore` is what would have been drawn without the draws and the seeds in between."""
    _draw()
    generators = capture()
    expected = [_draw(), _draw()]
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    _draw()
    generators.restore()
    assert [_draw(), _draw()] == expected


def test_a_restore_can_be_repeated() -> None:
    """The captured state is not used up."""
    generators = capture()
    first = _draw()
    generators.restore()
    second = _draw()
    generators.restore()
    assert first == second == _draw()


def test_half_a_pair_of_normal_numbers_is_remembered() -> None:
    """Legacy generators make normal numbers in pairs; the second one of a pair is part of the state."""
    random.gauss(), np.random.normal()
    generators = capture()
    expected = random.gauss(), np.random.normal()
    generators.restore()
    assert (random.gauss(), np.random.normal()) == expected


def test_another_bit_generator_is_replaced_by_the_former() -> None:
    """A script may exchange what NumPy's global functions draw from."""
    numpy: Any = np.random
    former = numpy.get_bit_generator()
    generators = capture()
    expected = np.random.rand()
    numpy.set_bit_generator(np.random.PCG64(3))
    generators.restore()
    assert numpy.get_bit_generator() is former
    assert np.random.rand() == expected


def test_initialised_devices_are_captured_and_others_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that the script did not initialise is asked for nothing but that."""
    states: list[object] = []
    initialised = SimpleNamespace(
        is_initialized=lambda: True,
        device_count=lambda: 1,
        get_rng_state_all=lambda: ["of cuda:0"],
        set_rng_state_all=states.append,
    )
    monkeypatch.setattr(torch, "cuda", initialised)
    monkeypatch.setattr(torch, "xpu", SimpleNamespace(is_initialized=lambda: False))
    capture().restore()
    assert states == [["of cuda:0"]]


_LATE = """
import sys
from livespark.runtime.reload.generators import capture
generators = capture()
assert not {"torch", "numpy"} & set(sys.modules)
import numpy, torch
torch.manual_seed(7), numpy.random.seed(7)
expected = torch.rand(3), numpy.random.rand(3)
torch.manual_seed(7), numpy.random.seed(7)
generators.restore()
assert torch.equal(torch.rand(3), expected[0]) and (numpy.random.rand(3) == expected[1]).all()
"""


def test_libraries_loaded_in_between_are_left_alone() -> None:
    """Nothing is loaded by the capture; what was loaded after it goes on as it stands."""
    subprocess.run([sys.executable, "-c", _LATE], check=True, timeout=60)
