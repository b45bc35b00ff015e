"""Values that JSON, msgspec, or JavaScript would change in silence come through unchanged."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.protocol import codec, commands
from livespark.protocol.codec import Malformed, from_node, from_number, to_node, to_number
from livespark.protocol.ids import CommandId


@pytest.mark.parametrize("value", [0, -1, 2**53, -(2**53), 2**53 + 1, 2**63, -(2**63) - 1, 10**40, True])
def test_integers_are_exact(value: int) -> None:
    """No integer is rounded, whatever its size, on the metric axis or in a node."""
    assert from_number(json.loads(codec.encode(to_number(value)))) == value
    assert from_node(json.loads(codec.encode(to_node(value)))) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.1, -0.0, 5e-324, 1.7976931348623157e308])
def test_floats_are_exact(value: float) -> None:
    """NaN stays NaN, infinities stay infinite, and every other float keeps its last bit."""
    for back in (
        from_number(json.loads(codec.encode(to_number(value)))),
        from_node(json.loads(codec.encode(to_node(value)))),
    ):
        assert repr(back) == repr(value)


@given(st.integers(min_value=2**53 + 1))
def test_what_javascript_would_round_is_a_string(value: int) -> None:
    """Beyond 2**53 an integer never travels as a JSON number."""
    assert isinstance(to_number(value), str)
    assert to_node(value) == {"$": "int", "v": str(value)}


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5) | st.just("$"), inner, max_size=4),
    max_leaves=20,
)


@given(_PLAIN)
def test_nodes_round_trip(value: Any) -> None:
    """Any plain value survives the way to the wire and back, keys that look like tags included."""
    assert from_node(json.loads(codec.encode(to_node(value)))) == value


def test_other_objects_become_text() -> None:
    """What has no JSON form is shown by its repr and its type."""
    assert to_node(range(3)) == {"$": "text", "type": "range", "v": "range(0, 3)"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"nul",
        b'{"id":"\xff","command":{"kind":"pause"}}',
        b"[" * 100_000,
        b'{"id":1,"command":{"kind":"pause"}}',
        b'{"id":"x","command":{"kind":"dance"}}',
        b'{"id":"x","command":{"kind":"pause"},"more":1}',
        b'{"id":"x","command":{"kind":"set","values":{"lr":NaN}}}',
        b'{"id":"x","command":{"kind":"set","values":{"lr":1e999}}}',
    ],
)
def test_bad_bytes_are_malformed(data: bytes) -> None:
    """Whatever is wrong with a message, it is one kind of error with a sentence."""
    with pytest.raises(Malformed, match=r"\w+"):
        codec.decode(data, commands.Ask)


def test_a_message_round_trips() -> None:
    """Commands are told apart by their kind."""
    ask = commands.Ask(id=CommandId("x"), command=commands.Set(values={"optimizer.lr": to_node(math.nan)}))

    assert codec.decode(codec.encode(ask), commands.Ask) == ask
