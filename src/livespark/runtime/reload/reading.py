"""Reading a file that somebody may be writing.

A version is known by what `stat` tells (`Mark`), so that files that nobody has touched are not read again. A mark is
believed only when the file has rested for a while: clocks of file systems stand still for some milliseconds (old ones
for seconds), in which a second edit of the same size would leave no trace. An editor that writes in place truncates
first; so a file that has just become empty, or is just being written, is waited for.
"""

import os
import stat
import time
from dataclasses import dataclass
from typing import Final

__all__ = ("Mark", "mark_of", "read_settled")

_TICK: Final = 50_000_000
_COARSE_TICK: Final = 2_500_000_000
_SECOND: Final = 1_000_000_000
_REST: Final = 0.002
_PATIENCE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells two versions of a file apart without reading them. Times in nanoseconds."""

    modified: int
    changed: int
    size: int
    inode: int

    def is_final(self) -> bool:
        """Whether an edit from now on is certain to give another mark."""
        newest = max(self.modified, self.changed)
        tick = _TICK if newest % _SECOND else _COARSE_TICK
        return time.time_ns() - newest > tick


def mark_of(path: str) -> Mark | None:
    """The mark of the file at `path`, past caches of network file systems; None where there is no file to read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return _mark(fd)
    finally:
        os.close(fd)


def read_settled(path: str) -> tuple[bytes, Mark] | None:
    """The content of the file at `path`, read when nobody is writing it, and its mark from before the reading.

    Waits at most 50 ms for a writer to end. None where there is no file to read.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        found = _read(path)
        if found is None or time.monotonic() > deadline or _rests(found[1], mark_of(path)):
            return found
        time.sleep(_REST)


def _rests(before: Mark, after: Mark | None) -> bool:
    age = time.time_ns() - before.modified
    return before == after and (before.size > 0 or not 0 <= age < _SECOND) and not 0 <= age < _REST * _SECOND


def _read(path: str) -> tuple[bytes, Mark] | None:
    """Not more than there was: what grows, or is a window of the kernel's, must not hold us."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            mark = _mark(file.fileno())
            return (file.read(mark.size), mark) if mark else None
    except OSError:
        return None


def _without_waiting(path: str, flags: int) -> int:
    """A named pipe must not hold us."""
    return os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK)


def _mark(fd: int) -> Mark | None:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        return None
    return Mark(status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
