"""The output log: every byte, who wrote it, found again quickly, whole after a crash."""

import base64
import itertools
import os
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livespark.protocol.stream import Output
from livespark.transport.output_log import DATA, INDEX, PIECE, STDERR, STDOUT, OutputWriter, read_output

Pieces = list[tuple[int, bytes]]


def written(folder: Path, pieces: Pieces, time: float = 7.0) -> Path:
    writer = OutputWriter(folder, clock=lambda: time)
    for stream, data in pieces:
        writer.write(stream, data)
    writer.close()
    return folder


def raw(output: Output) -> bytes:
    return base64.b64decode(output.base64) if output.base64 else output.text.encode()


def seen(folder: Path, after: int = 0, limit: int = 10**6) -> list[str | bytes]:
    """Text as str, base64 as bytes."""
    return [output.text or raw(output) for output in read_output(folder, after, limit)]


def follow(folder: Path, limit: int) -> list[Output]:
    """Read from the start to the end, going on with the last `end`."""
    outputs: list[Output] = []
    while more := read_output(folder, outputs[-1].end if outputs else 0, limit):
        outputs += more
    return outputs


def test_pieces_come_back_with_stream_and_time(tmp_path: Path) -> None:
    """What was written is read, marked with who wrote it, when and where it lies."""
    written(tmp_path, [(STDOUT, b"out\n"), (STDERR, b"err\n")])
    assert read_output(tmp_path, 0, 1000) == [
        Output(0, 4, "stdout", 7.0, text="out\n"),
        Output(4, 8, "stderr", 7.0, text="err\n"),
    ]
    assert read_output(tmp_path, 6, 1000) == [Output(6, 8, "stderr", 7.0, text="r\n")]
    assert read_output(tmp_path, 8, 1000) == []
    assert read_output(tmp_path, 99, 1000) == []
    assert read_output(tmp_path, -5, 1) == [Output(0, 4, "stdout", 7.0, text="out\n")]


def test_no_log_yet_is_no_output(tmp_path: Path) -> None:
    """Before the first byte there is nothing to read, and no error."""
    assert read_output(tmp_path, 0, 1000) == []
    OutputWriter(tmp_path).close()
    assert read_output(tmp_path, 0, 1000) == []


EURO = "€".encode()
FACE = "🙂".encode()
OUT, ERR = STDOUT, STDERR

CHARACTERS: list[tuple[str, Pieces, list[str | bytes]]] = [
    ("whole", [(OUT, b"a" + EURO)], ["a€"]),
    ("split, the rest follows", [(OUT, b"a" + EURO[:1]), (OUT, EURO[1:] + b"b")], ["a", "€b"]),
    ("split in three", [(OUT, b"a" + FACE[:1]), (OUT, FACE[1:2]), (OUT, FACE[2:] + b"b")], ["a", "🙂b"]),
    (
        "split by stderr",
        [(OUT, b"a" + EURO[:1]), (ERR, b"!"), (OUT, EURO[1:] + b"b")],
        ["a", EURO[:1], "!", EURO[1:], "b"],
    ),
    ("not UTF-8", [(OUT, b"a\xffb")], [b"a\xffb"]),
    ("not UTF-8 in the middle, split after", [(OUT, b"\xff" + EURO[:2]), (OUT, EURO[2:])], [b"\xff", "€"]),
    ("no character follows", [(OUT, b"a" + EURO[:2]), (OUT, b"b")], ["a", EURO[:2], "b"]),
    ("never finished", [(OUT, b"a" + EURO[:2])], ["a", EURO[:2]]),
    ("only a part", [(OUT, EURO[:2])], [EURO[:2]]),
    ("only a continuation", [(OUT, b"\x80")], [b"\x80"]),
    ("NUL is text", [(OUT, b"a\0b")], ["a\0b"]),
    ("overlong is no text", [(OUT, b"\xc0\x80")], [b"\xc0\x80"]),
]


@pytest.mark.parametrize(("pieces", "expected"), [row[1:] for row in CHARACTERS], ids=[row[0] for row in CHARACTERS])
def test_characters_survive_the_cutting(tmp_path: Path, pieces: Pieces, expected: list[str | bytes]) -> None:
    """UTF-8 is text, also where a character was split between pieces; anything else is base64."""
    assert seen(written(tmp_path, pieces)) == expected


def test_a_half_character_at_the_end_waits_a_moment(tmp_path: Path) -> None:
    """The first half of a character is kept back for a second; after that, or when no more comes, it is given as it
    is."""
    written(tmp_path, [(OUT, b"a" + EURO[:2])], time=100.0)
    assert [output.text for output in read_output(tmp_path, 0, 100, clock=lambda: 100.5)] == ["a"]
    assert read_output(tmp_path, 1, 100, clock=lambda: 100.5) == []
    assert [raw(output) for output in read_output(tmp_path, 1, 100, clock=lambda: 101.0)] == [EURO[:2]]
    assert [raw(output) for output in read_output(tmp_path, 1, 100, lambda: 100.5, settled=True)] == [EURO[:2]]
    written(tmp_path, [(OUT, EURO[2:])], time=100.6)
    assert [output.text for output in read_output(tmp_path, 1, 100, clock=lambda: 100.6)] == ["€"]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([OUT, ERR]), st.text(max_size=12).map(str.encode) | st.binary(max_size=12))),
    st.lists(st.integers(1, 7), max_size=40),
    st.integers(1, 60),
)
def test_any_cutting_and_any_limit_give_every_byte_once(
    tmp_path_factory: pytest.TempPathFactory, writes: Pieces, cuts: list[int], limit: int
) -> None:
    """Whatever is written, however it was cut, in whatever portions it is read: the same bytes of the same streams."""
    pieces = [(stream, part) for stream, data in writes for part in cut(data, cuts) if part]
    folder = written(tmp_path_factory.mktemp("log"), pieces)
    outputs = follow(folder, limit)
    assert b"".join(map(raw, outputs)) == b"".join(data for _, data in pieces)
    assert [output.start for output in outputs] == [0, *(output.end for output in outputs)][: len(outputs)]
    for stream, name in ((OUT, "stdout"), (ERR, "stderr")):
        expected = b"".join(data for of, data in pieces if of == stream)
        assert b"".join(raw(output) for output in outputs if output.stream == name) == expected
    one_stream = all(stream == OUT for stream, _ in writes)
    if one_stream and is_text(b"".join(data for _, data in writes)):
        assert all(not output.base64 for output in outputs)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    ends = list(itertools.accumulate(sizes))
    return [data[a:b] for a, b in itertools.pairwise([0, *(end for end in ends if end < len(data)), len(data)])]


def is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_reading_late_in_a_long_log_is_quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The place is found by bisection: some thirty small reads in a log of a million pieces."""
    count = 1_000_000
    (tmp_path / INDEX).write_bytes(b"".join(struct.pack("<QBd", n, 1, 7.0) for n in range(1, count + 1)))
    (tmp_path / DATA).write_bytes(b"x" * count)
    calls, real = [0], os.pread

    def pread(fd: int, size: int, offset: int) -> bytes:
        calls[0] += 1
        assert size <= 17 * 1024
        return real(fd, size, offset)

    monkeypatch.setattr(os, "pread", pread)
    assert [output.start for output in read_output(tmp_path, 777_777, 3)] == [777_777, 777_778, 777_779, 777_780]
    assert calls[0] < 30


def test_bytes_without_a_record_are_not_there_yet(tmp_path: Path) -> None:
    """A reader sees nothing of a piece until its record is written, not even with half of the record."""
    written(tmp_path, [(OUT, b"one")])
    with (tmp_path / DATA).open("ab") as data, (tmp_path / INDEX).open("ab") as index:
        data.write(b"two")
        index.write(struct.pack("<QBd", 6, 1, 7.0)[:9])
    assert seen(tmp_path) == ["one"]


def test_a_successor_adopts_what_has_no_record(tmp_path: Path) -> None:
    """After a crash between data and record, the next writer records the rest and goes on behind it."""
    written(tmp_path, [(ERR, b"one")])
    with (tmp_path / DATA).open("ab") as data, (tmp_path / INDEX).open("ab") as index:
        data.write(b"two")
        index.write(b"torn")
    written(tmp_path, [(ERR, b"three")])
    assert [(output.stream, output.text) for output in read_output(tmp_path, 0, 100)] == [
        ("stderr", "one"),
        ("stdout", "two"),
        ("stderr", "three"),
    ]


def test_records_of_bytes_that_a_power_cut_took_are_dropped(tmp_path: Path) -> None:
    """When the data is shorter than the index says, index and data agree again after the next start."""
    written(tmp_path, [(OUT, b"one"), (OUT, b"two"), (OUT, b"three")])
    os.truncate(tmp_path / DATA, 5)
    written(tmp_path, [(ERR, b"next")])
    assert seen(tmp_path) == ["one", "tw", "next"]


@pytest.mark.parametrize("splice", [True, False])
def test_a_pipe_is_moved_to_the_log(tmp_path: Path, splice: bool) -> None:
    """Both ways of copying move at most a piece, and tell an empty pipe from a closed one."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    writer = OutputWriter(tmp_path, clock=lambda: 7.0)
    writer._can_splice = writer._can_splice and splice
    with pytest.raises(BlockingIOError):
        writer.copy(ERR, reading)
    os.write(writing, b"hello " + EURO[:1])
    assert writer.copy(ERR, reading) == 7
    assert writer.ends_within_character()
    os.write(writing, EURO[1:])
    writer.copy(ERR, reading)
    assert not writer.ends_within_character()
    os.close(writing)
    assert writer.copy(ERR, reading) == 0
    os.close(reading)
    writer.close()
    writer.close()
    assert seen(tmp_path) == ["hello ", "€"]
    assert (tmp_path / DATA).stat().st_mode & 0o777 == 0o600


def test_where_the_kernel_cannot_splice_it_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that refuses splice is found out once; nothing is lost."""

    def refuse(*args: object, **options: object) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "splice", refuse, raising=False)
    reading, writing = os.pipe()
    os.write(writing, b"abc")
    writer = OutputWriter(tmp_path, clock=lambda: 7.0)
    assert writer.copy(OUT, reading) == 3
    for fd in (reading, writing):
        os.close(fd)
    writer.close()
    assert seen(tmp_path) == ["abc"]


def test_a_record_that_failed_is_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When only the index could not be written, the next piece brings both records."""
    writer = OutputWriter(tmp_path, clock=lambda: 7.0)
    real = os.pwrite

    def fail_index(fd: int, data: bytes, offset: int) -> int:
        if fd == writer._index:
            raise OSError(28, "No space left on device")
        return real(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", fail_index)
    with pytest.raises(OSError, match="No space"):
        writer.write(ERR, b"one")
    monkeypatch.undo()
    writer.write(OUT, b"two")
    writer.close()
    assert [(output.stream, output.text) for output in read_output(tmp_path, 0, 100)] == [
        ("stderr", "one"),
        ("stdout", "two"),
    ]


def test_a_piece_is_bounded(tmp_path: Path) -> None:
    """One copy moves at most 64 KiB, so one stream can't keep the other waiting."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.set_blocking(reading, False)
    while True:
        try:
            os.write(writing, b"x" * 4096)
        except BlockingIOError:
            break
    writer = OutputWriter(tmp_path, clock=time.time)
    assert 0 < writer.copy(OUT, reading) <= PIECE
    for fd in (reading, writing):
        os.close(fd)
    writer.close()
