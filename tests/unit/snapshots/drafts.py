"""Snapshots to write, made of a few numbers, and what is in a folder."""

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from livespark.protocol.ids import RunId
from livespark.protocol.snapshots import Manifest, SavedValue, SnapshotInfo
from livespark.snapshots.folder import ArrayData, Draft, Folder
from livespark.snapshots.opening import OpenSnapshot

KEY = b"k" * 32
LARGE = 64 * 1024


def array(data: bytes, dtype: str = "U8", shape: tuple[int, ...] | None = None) -> ArrayData:
    return ArrayData(dtype, (len(data),) if shape is None else shape, lambda: memoryview(data))


def some_bytes(seed: int, size: int) -> bytes:
    return Random(seed).randbytes(size)


def draft(
    number: int,
    arrays: list[ArrayData] | None = None,
    pickles: list[bytes] | None = None,
    *,
    step: int | None = None,
    values: Mapping[str, Any] | None = None,
) -> Draft:
    """Snapshot `number`; by default with a small and a large array, made from the number."""
    if arrays is None:
        arrays = [array(some_bytes(number, 100)), array(some_bytes(number, LARGE))]
    trees = {key: SavedValue("builtins.dict", tree) for key, tree in (values or {"net": {"lr": 0.1}}).items()}
    info = SnapshotInfo(number, 1_000.0 + number, "asked", step=step)
    return Draft(Manifest(1, RunId("quiet-otter"), info, trees, []), arrays, pickles or [])


def content(snapshot: OpenSnapshot) -> list[bytes]:
    """The bytes of all its arrays."""
    return [bytes(snapshot.array(index)) for index in range(len(snapshot.manifest.arrays))]


def files(path: Path) -> dict[str, bytes]:
    """What lies in a folder, by name."""
    return {str(each.relative_to(path)): each.read_bytes() for each in sorted(path.rglob("*")) if each.is_file()}


def opened(folder: Folder, number: int) -> list[bytes]:
    """A snapshot's arrays, verified."""
    with folder.open(number) as snapshot:
        return content(snapshot)
