"""`shapes.check`: what is allowed, what is converted, and the sentence of every refusal."""

import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livespark.protocol import codec, paths
from livespark.protocol.live import Shape
from livespark.protocol.shapes import check, show

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
LEAVES = st.sampled_from(
    [
        Shape("float"),
        Shape("float", finite=False),
        Shape("float", minimum=-1.0, maximum=1.0),
        Shape("int"),
        Shape("int", minimum=0, nullable=True),
        Shape("bool"),
        Shape("str"),
        Shape("choice", choices=["a", 1, True, None]),
        Shape("any"),
    ]
)
SHAPES = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda item: Shape("list", item=item), inner)
        | st.builds(lambda item: Shape("dict", item=item), inner)
    ),
    max_leaves=3,
)


@pytest.mark.parametrize(
    ("shape", "value", "expected"),
    [
        (Shape("float"), 1, 1.0),
        (Shape("float"), -0.5, -0.5),
        (Shape("float", finite=False), math.inf, math.inf),
        (Shape("float", nullable=True), None, None),
        (Shape("float", minimum=0, maximum=1), 1, 1.0),
        (Shape("int"), 3.0, 3),
        (Shape("int"), 10**30, 10**30),
        (Shape("bool"), False, False),
        (Shape("str"), "", ""),
        (Shape("choice", choices=["adam", "sgd"]), "sgd", "sgd"),
        (Shape("choice", choices=[1, 2]), 2.0, 2),
        (Shape("list"), (1, "a"), [1, "a"]),
        (Shape("list", item=Shape("float")), [1, 2], [1.0, 2.0]),
        (Shape("dict", item=Shape("int")), {"a": 1.0}, {"a": 1}),
        (Shape("any"), {"a": [None]}, {"a": [None]}),
        (Shape("any"), None, None),
    ],
)
def test_allowed_values_take_the_type_of_the_place(shape: Shape, value: Any, expected: Any) -> None:
    """What fits is returned in the type of the place, and nothing is lost."""
    result = check(shape, value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("shape", "value", "sentence"),
    [
        (Shape("float"), "0.1", "must be a number, not '0.1'"),
        (Shape("float"), True, "must be a number, not True"),
        (Shape("float"), None, "must be a number, not None"),
        (Shape("float"), math.nan, "must be a finite number, not nan"),
        (Shape("float"), -math.inf, "must be a finite number, not -inf"),
        (Shape("float"), 10**400, "must be a number that fits into a float, not 1000000"),
        (Shape("float", minimum=1e-5), 1e-6, "must be at least 1e-05, not 1e-06"),
        (Shape("float", maximum=0.1), 3, "must be at most 0.1, not 3.0"),
        (Shape("int"), 0.5, "must be a whole number, not 0.5"),
        (Shape("int"), math.nan, "must be a whole number, not nan"),
        (Shape("int"), True, "must be a whole number, not True"),
        (Shape("int", minimum=1), 0, "must be at least 1, not 0"),
        (Shape("bool"), 1, "must be true or false, not 1"),
        (Shape("str"), 1, "must be a text, not 1"),
        (Shape("choice", choices=["a", "b"]), "c", "must be one of 'a', 'b', not 'c'"),
        (Shape("choice", choices=[1]), True, "must be one of 1, not True"),
        (Shape("list"), "abc", "must be a list, not 'abc'"),
        (Shape("list", item=Shape("int")), [1, "x"], "item 1 must be a whole number, not 'x'"),
        (Shape("dict"), [1], "must be an object with names and values, not [1]"),
        (Shape("dict"), {1: 2}, "must be an object with names and values, not {1: 2}"),
        (Shape("dict", item=Shape("bool")), {"a": 0}, "item 'a' must be true or false, not 0"),
    ],
)
def test_a_refusal_says_what_the_value_must_be(shape: Shape, value: Any, sentence: str) -> None:
    """Every refusal is one sentence that reads well after the name of the place."""
    with pytest.raises(ValueError, match="must be") as raised:
        check(shape, value)
    assert str(raised.value).startswith(sentence)


def test_a_long_value_is_cut_in_the_sentence() -> None:
    """A refusal does not repeat a long value as a whole."""
    assert len(show("x" * 10_000)) == 60


def test_steps_and_editors_forbid_nothing() -> None:
    """How to edit is no rule about values."""
    assert check(Shape("float", step=0.5, editor="slider", minimum=0, maximum=1), 0.3) == 0.3


@given(SHAPES, VALUES)
@settings(deadline=None)
def test_a_checked_value_passes_again(shape: Shape, value: Any) -> None:
    """Checking is idempotent, and refuses with ValueError only."""
    with suppress(ValueError):
        once = check(shape, value)
        assert show(check(shape, once)) == show(once)


@given(SHAPES)
@settings(deadline=None)
def test_a_shape_survives_the_wire(shape: Shape) -> None:
    """Clients check with the shape that the run sent."""
    assert codec.decode(codec.encode(shape), Shape) == shape


@given(st.lists(st.text(), min_size=1))
@settings(deadline=None)
def test_a_path_is_taken_apart_as_it_was_joined(segments: list[str]) -> None:
    """Any texts can be segments of a path."""
    assert paths.split(paths.join(segments)) == segments
