"""The parser against the rules of WHATWG HTML 9.2, case by case, under every chunking."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.protocol.sse import Malformed, Message, Parser, comment, frame, retry

CASES: list[tuple[str, bytes, list[tuple[str, str, str]]]] = [
    ("one event", b"data: hello\n\n", [("message", "hello", "")]),
    ("no blank line, no event", b"data: hello\n", []),
    ("incomplete last event is dropped", b"data: a\n\ndata: b", [("message", "a", "")]),
    ("two data lines are joined", b"data: a\ndata: b\n\n", [("message", "a\nb", "")]),
    ("one empty data line is an empty event", b"data\n\n", [("message", "", "")]),
    ("two empty data lines are a newline", b"data\ndata\n\n", [("message", "\n", "")]),
    ("data with colon and nothing", b"data:\n\n", [("message", "", "")]),
    ("no data, no event", b"event: x\n\n", []),
    ("type is reset by an event without data", b"event: x\n\ndata: a\n\n", [("message", "a", "")]),
    ("event type", b"event: x\ndata: a\n\n", [("x", "a", "")]),
    ("empty event type is message", b"event: x\nevent:\ndata: a\n\n", [("message", "a", "")]),
    ("type does not persist", b"event: x\ndata: a\n\ndata: b\n\n", [("x", "a", ""), ("message", "b", "")]),
    ("one space is removed", b"data:  a\n\n", [("message", " a", "")]),
    ("a tab is not", b"data:\ta\n\n", [("message", "\ta", "")]),
    ("no space", b"data:a\n\n", [("message", "a", "")]),
    ("first colon splits", b"data: a:b\n\n", [("message", "a:b", "")]),
    ("case matters", b"Data: a\ndata: b\n\n", [("message", "b", "")]),
    ("leading space makes another field", b" data: a\ndata: b\n\n", [("message", "b", "")]),
    ("unknown fields are ignored", b"foo: a\ndata: b\n\n", [("message", "b", "")]),
    ("comments are ignored", b":\n: ping\ndata: b\n:x\n\n", [("message", "b", "")]),
    ("comments alone are nothing", b": ping\n\n: ping\n\n", []),
    ("id persists", b"id: 1\ndata: a\n\ndata: b\n\n", [("message", "a", "1"), ("message", "b", "1")]),
    ("id without data counts", b"id: 1\n\ndata: b\n\n", [("message", "b", "1")]),
    ("empty id resets", b"id: 1\ndata: a\n\nid\ndata: b\n\n", [("message", "a", "1"), ("message", "b", "")]),
    (
        "id with NUL is ignored",
        b"id: 1\ndata: a\n\nid: 2\x00\ndata: b\n\n",
        [("message", "a", "1"), ("message", "b", "1")],
    ),
    ("last id of a block wins", b"id: 1\nid: 2\ndata: a\n\n", [("message", "a", "2")]),
    ("CR ends lines", b"data: a\rdata: b\r\r", [("message", "a\nb", "")]),
    ("CR LF ends lines", b"data: a\r\ndata: b\r\n\r\n", [("message", "a\nb", "")]),
    ("line ends mix", b"data: a\r\ndata: b\rdata: c\n\r\n", [("message", "a\nb\nc", "")]),
    ("a lone CR at the end is a line end", b"data: a\n\r", [("message", "a", "")]),
    ("CR LF is one line end", b"data: a\r\n\ndata: b\n\n", [("message", "a", ""), ("message", "b", "")]),
    ("U+2028 is text", "data: a\u2028b\u0085c\x0bd\x0ce\n\n".encode(), [("message", "a\u2028b\u0085c\x0bd\x0ce", "")]),
    ("a byte order mark is dropped", b"\xef\xbb\xbfdata: a\n\n", [("message", "a", "")]),
    ("only one of them", b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n", [("message", "b", "")]),
    ("not in the middle", b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [("message", "a", "")]),
    ("invalid UTF-8 is replaced", b"data: a\xffb\n\n", [("message", "a\ufffdb", "")]),
    ("NUL in data stays", b"data: a\x00b\n\n", [("message", "a\x00b", "")]),
    ("multi-byte characters", "data: äöü€😀\n\n".encode(), [("message", "äöü€😀", "")]),
]


@pytest.mark.parametrize(("wire", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000_000])
def test_cases_under_every_chunking(wire: bytes, expected: list[tuple[str, str, str]], size: int) -> None:
    """Each rule holds however the bytes are cut."""
    parser = Parser()
    messages = [message for start in range(0, len(wire), size) for message in parser.feed(wire[start : start + size])]

    assert [Message(*item) for item in expected] == messages


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (b"retry: 1000\n\n", 1000),
        (b"retry: 1000\nretry: 2000\n\n", 2000),
        (b"retry: 1000\nretry: bogus\n\n", 1000),
        (b"retry: +50\n", None),
        (b"retry: -5\n", None),
        (b"retry: 1_0\n", None),
        ("retry: ٣\n".encode(), None),
        (b"retry\n", None),
        (b"retry:\n", None),
    ],
)
def test_retry_takes_ascii_digits_only(wire: bytes, expected: int | None) -> None:
    """A bogus retry is ignored, an earlier valid one stays."""
    parser = Parser()
    parser.feed(wire)

    assert expected == parser.retry


def test_last_id_moves_at_the_blank_line() -> None:
    """An id whose block was not finished does not count for resumption."""
    parser = Parser()
    parser.feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n")

    assert parser.last_id == "1"


def test_what_we_write_we_read() -> None:
    """Frames, heartbeats and retry of our own come back as meant."""
    parser = Parser()
    wire = retry(2000) + comment("ping") + frame(b'{"a":1}', id="0badc0de-7", event="watch") + frame(b"{}")

    assert parser.feed(wire) == [Message("watch", '{"a":1}', "0badc0de-7"), Message("message", "{}", "0badc0de-7")]
    assert parser.retry == 2000


@pytest.mark.parametrize("wire", [b"data: " + b"x" * 200, b"data: xxxxxxxxx\n" * 20])
def test_a_message_has_a_bound(wire: bytes) -> None:
    """A stream that never ends a line, or an event, does not fill the memory."""
    parser = Parser(limit=100)

    with pytest.raises(Malformed):
        parser.feed(wire)


_PIECES = st.sampled_from(
    [
        b"data",
        b":",
        b" ",
        b"\n",
        b"\r",
        b"\r\n",
        b"id",
        b"event",
        b"retry",
        b"1",
        b"x",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\x00",
        b"\xc3\xa9",
    ]
)


@given(st.lists(_PIECES, max_size=60).map(b"".join), st.lists(st.integers(0, 200), max_size=8))
def test_chunking_never_matters(wire: bytes, cuts: list[int]) -> None:
    """Any stream, cut anywhere, gives the same messages as in one piece."""
    whole, pieces = Parser(), Parser()
    edges = sorted({0, *(min(cut, len(wire)) for cut in cuts), len(wire)})
    messages = [message for start, end in pairwise(edges) for message in pieces.feed(wire[start:end])]

    assert whole.feed(wire) == messages
    assert (whole.last_id, whole.retry) == (pieces.last_id, pieces.retry)


def test_a_message_of_empty_lines_is_bounded_too() -> None:
    """Each line costs memory, also one without text."""
    parser = Parser(limit=100)
    with pytest.raises(Malformed):
        parser.feed(b"data\n" * 101)
