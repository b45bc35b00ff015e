"""A snapshot that somebody reads: all of it verified first, then mapped piece by piece."""

import hashlib
import mmap
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

from livespark.protocol.snapshots import Manifest
from livespark.snapshots.crew import together
from livespark.snapshots.damage import Damaged, about
from livespark.snapshots.manifests import Contents, array_file, pickle_file
from livespark.snapshots.reading import Stamp, mapped, read_whole, verify

__all__ = ("UNSEALED", "OpenSnapshot", "verified")

UNSEALED: Final = (
    "it holds pickles and was not made in this Livespark home; loading them would execute whatever their maker wanted"
)


class OpenSnapshot:
    """A snapshot whose every byte has been found to be as it was written. `sealed`: by this home.

    To be used by one thread. Arrays stay valid after `close`.
    """

    def __init__(self, path: Path, manifest: Manifest, stamps: dict[str, Stamp], *, sealed: bool, title: str) -> None:
        self.manifest, self.sealed = manifest, sealed
        self._path, self._stamps, self._title = path, stamps, title
        self._sharing = Counter(entry.object for entry in manifest.arrays)
        self._maps: dict[str, mmap.mmap] = {}

    def array(self, index: int) -> memoryview:
        """The bytes of an array: a private mapping, so writing there changes no file. Raises Damaged.

        While it is used it holds a file descriptor, so copy large ones and let go of them.
        """
        with about(self._title):
            if not 0 <= index < len(self.manifest.arrays):
                raise Damaged(f"it has no array {index}")
            entry = self.manifest.arrays[index]
            return memoryview(self._map(entry.object))[entry.start : entry.end]

    def pickle(self, index: int) -> bytes:
        """What only pickle could hold. Raises Damaged, always unless `sealed`: loading it can execute anything."""
        with about(self._title):
            if not 0 <= index < len(self.manifest.pickles):
                raise Damaged(f"it has no pickle {index}")
            if not self.sealed:
                raise Damaged(UNSEALED)
            name = pickle_file(self.manifest.pickles[index])
            data = read_whole(self._path, name)
            if hashlib.sha256(data).hexdigest() != self.manifest.pickles[index]:
                raise Damaged(f"{name} has been changed since it was verified")
            return data

    def close(self) -> None:
        """Let go of what is mapped."""
        self._maps.clear()

    def __enter__(self) -> "OpenSnapshot":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _map(self, name: str) -> mmap.mmap:
        if name in self._maps:
            return self._maps[name]
        found = mapped(self._path, array_file(name), self._stamps[name])
        if self._sharing[name] > 1:
            self._maps[name] = found
        return found


class _File(NamedTuple):
    """An object and how it must be."""

    key: str
    name: str
    size: int | None
    head: bytes


def verified(path: Path, contents: Contents) -> dict[str, Stamp]:
    """Read and check every object, several at a time; -> the stamp of each array's object. Raises Damaged."""
    arrays = [_File(key, array_file(key), plan.size, plan.head) for key, plan in contents.arrays.items()]
    pickles = [_File("", pickle_file(key), None, b"") for key in contents.pickles]
    stamps: dict[str, Stamp] = {}

    def check(file: _File) -> None:
        stamps[file.key] = verify(path, file.name, file.size, file.head)

    together(check, [*arrays, *pickles])
    return stamps
