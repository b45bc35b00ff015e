"""What a run's script wrote: `output.log` holds the bytes as they came, `output.idx` who wrote which of them, and when.

The index has one record a piece, 17 bytes, little-endian: u64 end offset, u8 stream (1 stdout, 2 stderr), f64 Unix
time. Data is written first, then its record; bytes without a record are not there yet. A writer that finds such bytes
(its predecessor was killed between the two) gives them a record of stream stdout.

A reader gets text where a piece is valid UTF-8, else base64. A character split between two pieces of one stream is
given to the second, if nothing lies between them, so both are text. Split by the other stream's output, its halves
come as base64, byte for byte. At the end of a log still written to, the first half of a character is kept back for a
second to let the rest arrive. Reading costs the same however long the log is: the place is found by bisection.
"""

import base64
import bisect
import contextlib
import errno
import itertools
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, NamedTuple

from livespark.protocol.stream import Output
from livespark.transport.files import write_fully

__all__ = ("DATA", "INDEX", "PIECE", "STDERR", "STDOUT", "OutputWriter", "read_output")

DATA: Final = "output.log"
INDEX: Final = "output.idx"
STDOUT: Final = 1
STDERR: Final = 2
PIECE: Final = 64 * 1024
"""Largest piece, in bytes."""

_RECORD: Final = struct.Struct("<QBd")
_MOST: Final = 1024
"""Pieces looked at in one reading."""

_PATIENCE: Final = 1.0
_NAMES: Final[dict[int, Literal["stdout", "stderr"]]] = {STDOUT: "stdout", STDERR: "stderr"}
_CONTINUATION: Final = frozenset(bytes([byte]) for byte in range(0x80, 0xC0))
_NO_SPLICE: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EPERM})


class OutputWriter:
    """Appends to the log of the run in `run_dir`. One writer at a time. Raises OSError when the disk takes no more."""

    def __init__(self, run_dir: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._data = _open(run_dir / DATA)
        self._index = _open(run_dir / INDEX)
        self._can_splice = hasattr(os, "splice")
        self._unrecorded: list[bytes] = []
        self._records = os.fstat(self._index).st_size // _RECORD.size
        self._end = os.fstat(self._data).st_size
        self._adopt()

    def write(self, stream: int, data: bytes) -> None:
        """Append a piece."""
        write_fully(self._data, data, self._end)
        self._record(stream, len(data))

    def copy(self, stream: int, fd: int) -> int:
        """Move what is in a non-blocking pipe, up to `PIECE` bytes, to the log; -> number of bytes, 0 at its end.

        Where the kernel can splice, a byte leaves the pipe only as it enters the file: being killed meanwhile
        loses nothing. Raises BlockingIOError when the pipe is empty.
        """
        if not self._can_splice:
            return self._copy_through_memory(stream, fd)
        try:
            size = os.splice(fd, self._data, PIECE, offset_dst=self._end, flags=os.SPLICE_F_NONBLOCK)
        except OSError as error:
            if error.errno not in _NO_SPLICE:
                raise
            self._can_splice = False
            return self._copy_through_memory(stream, fd)
        self._record(stream, size)
        return size

    def ends_within_character(self) -> bool:
        """Whether the log ends with the first part of a character: the same stream's next bytes belong to it."""
        start = max(0, self._end - 3)
        return _unfinished(os.pread(self._data, self._end - start, start)) > 0

    def close(self) -> None:
        """Close the files. Idempotent."""
        if self._data >= 0:
            os.close(self._data)
            os.close(self._index)
            self._data = self._index = -1

    def _copy_through_memory(self, stream: int, fd: int) -> int:
        data = os.read(fd, PIECE)
        if data:
            self.write(stream, data)
        return len(data)

    def _record(self, stream: int, size: int) -> None:
        """Records that could not be written (full disk) are written before the next one."""
        if size:
            self._end += size
            self._unrecorded.append(_RECORD.pack(self._end, stream, self._clock()))
        if self._unrecorded:
            write_fully(self._index, b"".join(self._unrecorded), self._records * _RECORD.size)
            self._records += len(self._unrecorded)
            self._unrecorded.clear()

    def _adopt(self) -> None:
        """Make data and index agree."""
        while self._records and _record_at(self._index, self._records - 1).end > self._end:
            self._records -= 1
        os.ftruncate(self._index, self._records * _RECORD.size)
        recorded = _record_at(self._index, self._records - 1).end if self._records else 0
        unrecorded, self._end = self._end - recorded, recorded
        self._record(STDOUT, unrecorded)


def read_output(
    run_dir: Path, after: int, limit: int, clock: Callable[[], float] = time.time, *, settled: bool = False
) -> list[Output]:
    """What was written from byte offset `after` on, about `limit` bytes (at least a character) at the most, in order.

    `settled`: nothing will be written any more. [] when there is no more, or not yet. Go on with the last `end`.
    Raises OSError.
    """
    with contextlib.ExitStack() as stack:
        try:
            index = _open_to_read(run_dir / INDEX, stack)
            data = _open_to_read(run_dir / DATA, stack)
        except FileNotFoundError:
            return []
        pieces, following = _pieces(index, max(0, after), max(4, limit))
        if not pieces:
            return []
        start = pieces[0].start
        content = os.pread(data, pieces[-1].end - start, start)
    pieces = _joined(pieces, content)
    may_go_on = following is None and not settled and clock() - pieces[-1].time < _PATIENCE
    if following == pieces[-1].stream or may_go_on:
        pieces[-1] = _without_unfinished(pieces[-1], content[pieces[-1].start - start :])
    return [out for piece in pieces for out in _outputs(piece, content[piece.start - start : piece.end - start])]


class _Record(NamedTuple):
    end: int
    stream: int
    time: float


class _Piece(NamedTuple):
    start: int
    end: int
    stream: int
    time: float


class _Ends:
    """The index as a sequence of end offsets, for bisection."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.count = os.fstat(fd).st_size // _RECORD.size

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> int:
        return _record_at(self.fd, number).end


def _pieces(index: int, after: int, limit: int) -> tuple[list[_Piece], int | None]:
    """The pieces from `after` on, first and last cut to what was asked for; and the stream of the byte behind them."""
    ends = _Ends(index)
    first = bisect.bisect_right(ends, after)
    count = min(_MOST, ends.count - first)
    raw = os.pread(index, count * _RECORD.size, first * _RECORD.size)
    start, stop = after, after + limit
    pieces: list[_Piece] = []
    for record in map(_Record._make, _RECORD.iter_unpack(raw)):
        if start == stop:
            return pieces, record.stream
        end = min(record.end, stop)
        pieces.append(_Piece(start, end, record.stream, record.time))
        if end < record.end:
            return pieces, record.stream
        start = end
    more = first + count < ends.count
    return pieces, _record_at(index, first + count).stream if more else None


def _joined(pieces: list[_Piece], content: bytes) -> list[_Piece]:
    """Move the first part of a split character to the piece that has the rest."""
    result, offset = pieces[:1], pieces[0].start
    for piece in pieces[1:]:
        last = result[-1]
        goes_on = (
            piece.stream == last.stream and content[piece.start - offset : piece.end - offset][:1] in _CONTINUATION
        )
        if goes_on:
            result[-1] = _without_unfinished(last, content[last.start - offset : last.end - offset])
        result.append(piece._replace(start=result[-1].end if goes_on else piece.start))
    return result


def _without_unfinished(piece: _Piece, content: bytes) -> _Piece:
    return piece._replace(end=piece.end - _unfinished(content))


def _outputs(piece: _Piece, content: bytes) -> list[Output]:
    """One output, or up to three when halves of split characters stand at the ends."""
    if _is_text(content):
        cuts = [0, len(content)]
    else:
        head, tail = _orphans(content), len(content) - _unfinished(content)
        cuts = [0, head, tail, len(content)] if _is_text(content[head:tail]) else [0, len(content)]
    parts = [(start, content[start:end]) for start, end in itertools.pairwise(cuts) if end > start]
    return [_output(piece, piece.start + start, part) for start, part in parts]


def _output(piece: _Piece, start: int, content: bytes) -> Output:
    stream, end = _NAMES.get(piece.stream, "stdout"), start + len(content)
    if _is_text(content):
        return Output(start, end, stream, piece.time, text=content.decode())
    return Output(start, end, stream, piece.time, base64=base64.b64encode(content).decode())


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unfinished(content: bytes) -> int:
    """How many bytes at the end are the first part of a character."""
    for count, byte in enumerate(content[:-4:-1], 1):
        if 0xC2 <= byte <= 0xF4:
            return count if count < 2 + (byte >= 0xE0) + (byte >= 0xF0) else 0
        if byte & 0xC0 != 0x80:
            return 0
    return 0


def _orphans(content: bytes) -> int:
    """How many bytes at the start are the last part of a character."""
    return len(content[:3]) - len(content[:3].lstrip(bytes(range(0x80, 0xC0))))


def _record_at(index: int, number: int) -> _Record:
    return _Record._make(_RECORD.unpack(os.pread(index, _RECORD.size, number * _RECORD.size)))


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _open_to_read(path: Path, stack: contextlib.ExitStack) -> int:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, fd)
    return fd
