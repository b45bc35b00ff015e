"""Files of a folder of snapshots, opened with distrust: regular ones only, no links, nothing that blocks."""

import hashlib
import mmap
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import xxhash

from livespark.snapshots.damage import Damaged

__all__ = ("Stamp", "blocks", "mapped", "open_file", "read_whole", "stamp_of", "verify")

_BLOCK: Final = 256 * 1024
"""Bytes; so few stay in the cache of the core that read them, until they have been hashed."""


class Stamp(NamedTuple):
    """Tells a file from another, or changed, one of the same name. `size` in bytes."""

    device: int
    inode: int
    size: int
    modified: int


def open_file(folder: Path, name: str) -> int:
    """-> the descriptor of the regular file `name` ("7.json", "objects/<hash>.pickle"). Raises Damaged."""
    try:
        return _open_below(folder, name)
    except FileNotFoundError:
        raise Damaged(f"{name} is missing") from None
    except OSError as error:
        raise Damaged(f"{name} can't be read: {error.strerror}") from None


def stamp_of(fd: int) -> Stamp:
    status = os.fstat(fd)
    return Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def blocks(fd: int, name: str) -> Iterator[memoryview]:
    """The bytes of a file, each block valid until the next. Raises Damaged where the disk does not give them back."""
    block = memoryview(bytearray(min(max(os.fstat(fd).st_size, 1), _BLOCK)))
    try:
        while count := os.readv(fd, [block]):
            yield block[:count]
    except OSError as error:
        raise Damaged(f"{name} can't be read: {error.strerror}") from None


def verify(folder: Path, name: str, size: int | None = None, head: bytes = b"") -> Stamp:
    """See to it that an object's bytes are those that its name, the hash, promises; and begin with `head`.

    All is read, so that a bad disk is met here, as Damaged, and not as a signal while somebody uses mapped memory.
    """
    fd = open_file(folder, name)
    try:
        stamp = stamp_of(fd)
        if size is not None and stamp.size != size:
            raise Damaged(f"{name} has {stamp.size:,} bytes, and not {size:,}")
        if os.pread(fd, len(head), 0) != head:
            raise Damaged(f"{name} has another header than its arrays must have")
        if _hash(fd, name) != name.rpartition("/")[2].partition(".")[0]:
            raise Damaged(f"{name} is not as it was written")
        return stamp
    finally:
        os.close(fd)


def read_whole(folder: Path, name: str, limit: int | None = None) -> bytes:
    """A file's bytes. Raises Damaged, also for one of more than `limit` bytes, of which none is read."""
    fd = open_file(folder, name)
    try:
        size = os.fstat(fd).st_size
        if limit is not None and size > limit:
            raise Damaged(f"{name} has {size:,} bytes, and {limit:,} are allowed")
        return b"".join(bytes(block) for block in blocks(fd, name))
    finally:
        os.close(fd)


def mapped(folder: Path, name: str, expected: Stamp) -> mmap.mmap:
    """A file's bytes, writable for us alone. Raises Damaged where it is not the file that was seen before."""
    fd = open_file(folder, name)
    try:
        if stamp_of(fd) != expected:
            raise Damaged(f"{name} has been changed since it was verified")
        return mmap.mmap(fd, expected.size, access=mmap.ACCESS_COPY)
    except (OSError, ValueError) as error:
        raise Damaged(f"{name} can't be mapped into memory: {error}") from None
    finally:
        os.close(fd)


def _hash(fd: int, name: str) -> str:
    digest = hashlib.sha256() if name.endswith(".pickle") else xxhash.xxh3_128()
    for block in blocks(fd, name):
        digest.update(block)
    return digest.hexdigest()


def _open_below(folder: Path, name: str) -> int:
    """No component of `name` may be a link."""
    *above, last = name.split("/")
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in above:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            os.close(at)
            at = inner
        return _open_regular(last, at)
    finally:
        os.close(at)


def _open_regular(name: str, at: int) -> int:
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise OSError(0, "it is not a regular file")
