"""What is in an object: a safetensors file of one large array, or of all the small arrays of a snapshot. Pure.

The header follows from the arrays' dtypes and shapes alone, byte for byte. So nobody has to parse a header: who knows
the manifest knows it, and a file with another one is not ours. In a large array's file the array is called "array"; a
small one's name is its index in the manifest, and those of larger items come first, so that each lies aligned.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import xxhash

__all__ = ("ITEM_SIZES", "SMALL", "Described", "Layout", "groups", "hash_of", "in_order", "layout", "pieces", "size_of")

Described: TypeAlias = tuple[str, tuple[int, ...]]
"""An array's dtype, as safetensors names it, and its shape."""

ITEM_SIZES: Final = {
    "F64": 8, "I64": 8, "U64": 8, "C64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
    "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "F8_E4M3FNUZ": 1, "F8_E5M2FNUZ": 1,
}  # fmt: skip
"""Bytes of one item of each dtype."""

SMALL: Final = 64 * 1024
"""Arrays of fewer bytes share a file."""

_ALIGNED: Final = 64
_PIECE: Final = 16 * 1024**2
_JOINED: Final = 1024**2


class Layout(NamedTuple):
    """Of one object: its first bytes, where each array lies (from, to; in the order given), and its size in bytes."""

    head: bytes
    ranges: list[tuple[int, int]]
    size: int


@lru_cache(maxsize=4096)
def size_of(array: Described) -> int:
    """Bytes of an array of a known dtype."""
    dtype, shape = array
    return math.prod(shape) * ITEM_SIZES[dtype]


def groups(arrays: Sequence[Described]) -> list[list[int]]:
    """Which arrays, by index, lie in a file together: each large one alone, and all small ones."""
    small = [index for index, array in enumerate(arrays) if size_of(array) < SMALL]
    large = [[index] for index, array in enumerate(arrays) if size_of(array) >= SMALL]
    return [*large, in_order(small, [dtype for dtype, _ in arrays])] if small else large


def in_order(indexes: Iterable[int], dtypes: Sequence[str]) -> list[int]:
    """Of arrays in one file: larger items first."""
    return sorted(indexes, key=lambda index: (-ITEM_SIZES[dtypes[index]], index))


def layout(indexes: Sequence[int], arrays: Sequence[Described]) -> Layout:
    """How the file of one of `groups` looks."""
    header, offset, ranges = {}, 0, []
    for index, array in zip(indexes, arrays, strict=True):
        end = offset + size_of(array)
        name = "array" if end - offset >= SMALL else str(index)
        header[name] = {"dtype": array[0], "shape": array[1], "data_offsets": [offset, end]}
        ranges.append((offset, end))
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % _ALIGNED)
    head = len(text).to_bytes(8, "little") + text
    return Layout(head, [(start + len(head), end + len(head)) for start, end in ranges], len(head) + offset)


def pieces(head: bytes, parts: Iterable[memoryview]) -> Iterator[bytearray | memoryview]:
    """All bytes in order, in pieces that are worth a call to the kernel each. Large parts are not copied."""
    waiting = bytearray(head)
    for part in parts:
        large = len(part) >= SMALL
        if not large:
            waiting += part
        if waiting and (large or len(waiting) >= _JOINED):
            yield waiting
            waiting = bytearray()
        if large:
            yield from (part[start : start + _PIECE] for start in range(0, len(part), _PIECE))
    if waiting:
        yield waiting


def hash_of(pieces: Iterable[bytes | bytearray | memoryview]) -> str:
    """XXH3-128 of the bytes as 32 hex digits: the name of the object that holds them."""
    digest = xxhash.xxh3_128()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
