"""Runs and values as people read them."""

import math

import pytest

from livespark.cli import listing
from livespark.protocol.ids import Epoch, RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import LiveDoc
from livespark.protocol.runs import Entry, Run

RUN = Run(RunId("otter"), "otter", "dev", RunState.RUNNING, Epoch("0000abcd"), 1.0, Entry("train.py"), "/", "python")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("two\nlines", "two\nlines"),
        (0.5, "0.5"),
        (math.nan, "NaN"),
        (2**70, str(2**70)),
        ({"a": [1, "é"]}, '{"a": [1, "é"]}'),
        (b"\xff", "\"b'\\\\xff'\""),
        ({"$": "text", "type": "Foo", "v": "<Foo>"}, "<Foo>"),
        ([{"$": "text", "type": "Foo", "v": "<Foo>"}], '["<Foo>"]'),
        ({"a": {"$": "cut", "why": "cycle"}}, '{"a": "not shown (cycle)"}'),
        ({"$": "array", "dtype": "float32", "shape": [9, 9]}, "float32 array of shape [9, 9]"),
    ],
)
def test_a_result_is_printed_in_full(value: object, text: str) -> None:
    """As JSON where it is data; what has no JSON is described, never shown as it travels."""
    assert listing.printed(value) == text


def test_of_a_large_container_the_first_items_are_shown() -> None:
    """One line says that there are more; what comes behind it is not hidden."""
    values = {"big": {"$": "dict"}, **{f"big.{number}": number for number in range(500)}}
    values |= {"big.500": {"$": "dict"}, "big.500.part": 1, "lr": 0.1}
    lines = listing.sheet(RUN, LiveDoc(values=values), 2.0)
    assert [line for line in lines if line.startswith(("big.19 ", "big.20 "))] == ["big.19  19"]
    assert "big.…   more; --json has them all" in lines
    assert not any("part" in line for line in lines)
    assert lines[-1] == "lr      0.1"
