"""Records of a spool file: the payload's length and CRC-32 (4 bytes each, little-endian), then the payload.

What follows the last whole record (a crash in the middle of a write, a full disk) does not count.
"""

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from livespark.protocol import codec

__all__ = ("HEAD", "dense", "pack", "payloads", "up_to")

_FORMAT: Final = struct.Struct("<II")
_CHUNK: Final = 256 * 1024

HEAD: Final = _FORMAT.size
"""Bytes in front of a payload."""


def pack(payload: bytes) -> bytes:
    return _FORMAT.pack(len(payload), zlib.crc32(payload)) + payload


def payloads(fd: int, start: int, end: int) -> Iterator[bytes]:
    """Payloads of the whole records between two offsets, in constant memory. Raises OSError."""
    buffer, base, position = b"", start, start
    while position + HEAD <= end:
        if position + HEAD > base + len(buffer):
            buffer, base = os.pread(fd, min(_CHUNK, end - position), position), position
        if len(buffer) < HEAD:
            return
        length, checksum = _FORMAT.unpack_from(buffer, position - base)
        following = position + HEAD + length
        if following > end:
            return
        if following > base + len(buffer):
            buffer, base = os.pread(fd, max(following - position, min(_CHUNK, end - position)), position), position
        payload = buffer[position + HEAD - base : following - base]
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return
        yield payload
        position = following


class _Number(Struct):
    number: int


def dense(payloads: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The batches' payloads with their numbers, as long as each number follows the one before."""
    expected = None
    for payload in payloads:
        try:
            message: _Number = codec.decode(payload, _Number)
        except codec.Malformed:
            return
        if expected not in (None, message.number):
            return
        yield message.number, payload
        expected = message.number + 1


def up_to(limit: int, payloads: Iterable[bytes]) -> Iterator[bytes]:
    """The first payloads, until they reach `limit` bytes: at least one if `limit` is positive."""
    for payload in payloads:
        if limit <= 0:
            return
        yield payload
        limit -= len(payload)
