"""A manifest's file: its bytes and back, and what must hold before anything that it says is used. Pure.

Whoever wrote the file may have meant harm, and a hash proves nothing then. So the file's size, the tree's depth and the
number of its nodes are bounded before it is parsed, and every array's range is compared with where it must lie.
"""

import hashlib
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final, NamedTuple

from livespark.protocol import codec
from livespark.protocol.ids import is_run_id
from livespark.protocol.snapshots import ArrayEntry, Manifest
from livespark.snapshots.damage import Damaged, Oversized
from livespark.snapshots.objects import ITEM_SIZES, SMALL, Described, Layout, in_order, layout, size_of
from livespark.snapshots.seal import sealed

__all__ = ("FORMAT", "LARGEST", "Contents", "array_file", "contents", "parse", "pickle_file", "render")

FORMAT: Final = 1
LARGEST: Final = 64 * 1024**2
"""Bytes of a manifest's file."""

_DEEPEST: Final = 300
_NODES: Final = 4_000_000
_DIMENSIONS: Final = 64
_LONGEST: Final = 2**56
_DIGEST: Final = re.compile(rb'\{"sha256":"([0-9a-f]{64})",')
_SEAL: Final = re.compile(rb'"seal":"([0-9a-f]{64}|)","snapshot":')
_TAIL: Final = b"}\n"
_ARRAYS: Final = re.compile(r"[0-9a-f]{32}\Z")
_PICKLES: Final = re.compile(r"[0-9a-f]{64}\Z")


class Contents(NamedTuple):
    """What a snapshot needs on disk: the layout of each array file by its hash, and the hashes of pickles."""

    arrays: dict[str, Layout]
    pickles: list[str]


def array_file(name: str) -> str:
    """Below the folder of snapshots."""
    return f"objects/{name}.safetensors"


def pickle_file(name: str) -> str:
    return f"objects/{name}.pickle"


def render(manifest: Manifest, key: bytes) -> bytes:
    """The file's bytes. Raises Oversized."""
    body = codec.encode(manifest)
    problem = _unreadable(body) or _too_deep(manifest)
    if problem:
        raise Oversized(f"the snapshot can't be saved: {problem}")
    rest = b'"seal":"%b","snapshot":%b%b' % (sealed(body, key).encode(), body, _TAIL)
    return b'{"sha256":"%b",%b' % (_hash_of(memoryview(rest)), rest)


def parse(data: bytes, number: int) -> tuple[Manifest, bytes, str]:
    """The manifest of snapshot `number`, its body's bytes, and the seal. Raises Damaged with what is wrong."""
    digest = _DIGEST.match(data)
    seal = _SEAL.match(data, digest.end()) if digest else None
    if not (digest and seal and data.endswith(_TAIL)) or _hash_of(memoryview(data)[digest.end() :]) != digest[1]:
        raise Damaged("the manifest is not as it was written")
    body = data[seal.end() : -len(_TAIL)]
    problem = _unreadable(body)
    if problem:
        raise Damaged(problem)
    manifest = _decoded(body)
    if manifest.info.number != number or not is_run_id(manifest.run):
        raise Damaged("the manifest is not that of this snapshot")
    return manifest, body, seal[1].decode()


def contents(manifest: Manifest) -> Contents:
    """The objects of a manifest, whose entries are all found to be as this format wants them. Raises Damaged."""
    for index, entry in enumerate(manifest.arrays):
        _check(index, entry)
    if not all(_PICKLES.match(name) for name in manifest.pickles):
        raise Damaged("a pickle's name is no hash")
    found = {name: _layout(manifest, indexes) for name, indexes in _by_object(manifest).items()}
    return Contents(found, list(dict.fromkeys(manifest.pickles)))


def _hash_of(data: memoryview) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


def _decoded(body: bytes) -> Manifest:
    try:
        manifest: Manifest = codec.decode(body, Manifest)
    except codec.Malformed as error:
        raise Damaged(f"the manifest can't be understood, maybe it is of another version ({error})") from None
    if manifest.format != FORMAT:
        raise Damaged(f"it is of format {manifest.format}, and this version of Livespark reads format {FORMAT}")
    problem = _too_deep(manifest)
    if problem:
        raise Damaged(problem)
    return manifest


def _unreadable(body: bytes) -> str:
    """Why it would be unwise to parse `body`."""
    if len(body) > LARGEST - 1024:
        return f"what is not arrays takes more than {LARGEST // 1024**2} MiB"
    if sum(map(body.count, (b",", b"[", b"{"))) > _NODES:
        return f"what is not arrays has more than {_NODES:,} parts"
    return ""


def _too_deep(manifest: Manifest) -> str:
    values = chain.from_iterable((value.tree, value.made) for value in manifest.values.values())
    level = [manifest.loops, manifest.generators, manifest.journal, manifest.exposed, manifest.edits, manifest.config]
    level += values
    for _ in range(_DEEPEST):
        level = list(chain.from_iterable(map(_children, level)))
        if not level:
            return ""
    return f"its values are nested more than {_DEEPEST} deep"


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        return (child for child in node.values() if isinstance(child, dict | list))
    return (child for child in node if isinstance(child, dict | list)) if isinstance(node, list) else iter(())


def _check(index: int, entry: ArrayEntry) -> None:
    if not _ARRAYS.match(entry.object):
        raise Damaged(f"the file of array {index} has a name that is no hash")
    sane = entry.dtype in ITEM_SIZES and len(entry.shape) <= _DIMENSIONS
    if not sane or not all(0 <= length <= _LONGEST for length in entry.shape):
        raise Damaged(f"array {index} is of a dtype or shape that can't be")


def _by_object(manifest: Manifest) -> dict[str, list[int]]:
    """Indexes of the arrays in each object, in the order in which they lie there."""
    found: dict[str, list[int]] = {}
    for index, entry in enumerate(manifest.arrays):
        found.setdefault(entry.object, []).append(index)
    dtypes = [entry.dtype for entry in manifest.arrays]
    return {name: in_order(indexes, dtypes) for name, indexes in found.items()}


def _layout(manifest: Manifest, indexes: list[int]) -> Layout:
    """How the object that holds these arrays must look."""
    arrays = [_described(manifest.arrays[index]) for index in indexes]
    large = max(map(size_of, arrays)) >= SMALL
    if large and len(set(arrays)) > 1:
        raise Damaged("arrays share a file that should not")
    expected = layout(indexes[:1], arrays[:1]) if large else layout(indexes, arrays)
    ranges = expected.ranges * len(indexes) if large else expected.ranges
    for index, where in zip(indexes, ranges, strict=True):
        if (manifest.arrays[index].start, manifest.arrays[index].end) != where:
            raise Damaged(f"array {index} does not lie where one of its dtype and shape must")
    return expected


def _described(entry: ArrayEntry) -> Described:
    return entry.dtype, tuple(entry.shape)
