"""Arrays, numbers and random generators of NumPy, and Python's: saved, read, and put back to the bit."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.unit.snapshots.treeing import back


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6.0).reshape(2, 3),
        np.arange(6, dtype=np.float32)[::2],
        np.array(3.5),
        np.zeros((0, 4), np.int8),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array([1, 2], ">i4"),
        np.array([np.nan, -0.0], np.float16),
        np.array([1 + 2j]),
        np.array(["a", "ü"]),
        np.array([b"ab"]),
        np.array(["2026-01-01"], "M8[D]"),
        np.array([True, False]),
        np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
        np.array([[1, "a"], [None, (2, 3)]], object),
    ],
    ids=lambda v: str(v.dtype),
)
def test_an_array_comes_back(value: Any) -> None:
    """New, and into a living one of the same shape."""
    made = back([value], [])[0]
    assert (made.dtype, made.shape) == (value.dtype, value.shape)
    assert value.tobytes() == made.tobytes() or value.dtype == object
    assert np.array_equal(made, value) or value.dtype.kind in "fc"
    living = np.empty_like(value)
    if not value.dtype.names:
        assert back(value, living) is living
    assert back(np.ones((2, 2)), np.ones((2, 2))[::1]).shape == (2, 2)


@pytest.mark.parametrize("value", [np.float64(0.1), np.float32("nan"), np.int8(-3), np.bool_(True), np.str_("ü")])
def test_a_number_of_numpy_stays_one(value: Any) -> None:
    made = back([value], [])[0]
    assert type(made) is type(value)
    assert made.tobytes() == value.tobytes()


_GENERATORS: list[Callable[[int], Any]] = [
    random.Random,
    np.random.default_rng,
    np.random.RandomState,
    np.random.PCG64,
    np.random.MT19937,
    lambda seed: np.random.Generator(np.random.MT19937(seed)),
    lambda seed: np.random.Generator(np.random.SFC64(seed)),
    lambda seed: np.random.Generator(np.random.Philox(seed)),
]


@pytest.mark.parametrize("make", _GENERATORS)
@pytest.mark.parametrize("is_new", [False, True])
def test_a_generator_draws_what_it_would_have_drawn(make: Callable[[int], Any], is_new: bool) -> None:
    """Also the second half of a pair of normal numbers, and of a 64-bit number."""
    value, living = make(1), make(2)
    _draw(value)
    restored = back([value], [] if is_new else [living])[0]
    assert (restored is living) is not is_new
    assert [_draw(restored) for _ in range(5)] == [_draw(value) for _ in range(5)]


def _draw(generator: Any) -> Any:
    if isinstance(generator, random.Random):
        return generator.gauss(0, 1)
    if not hasattr(generator, "normal"):
        return generator.random_raw()
    integers = generator.integers if hasattr(generator, "integers") else generator.randint
    return generator.normal(), generator.bytes(3), int(integers(0, 9, dtype=np.int32))
