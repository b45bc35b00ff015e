"""One snapshot on its way to disk: objects that are missing first, then the manifest.

Every file is written under a temporary name, flushed, and renamed; the names are flushed before the manifest is
written, and after it. So whatever moment the power fails at, a manifest that is there names only what is whole. A name
is the hash of the bytes, so it is known only when all have been seen: they are hashed first, and written only when they
are not there yet.
"""

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from livespark.protocol.snapshots import ArrayEntry
from livespark.snapshots.crew import together
from livespark.snapshots.damage import Damaged
from livespark.snapshots.disk import Disk
from livespark.snapshots.manifests import array_file, pickle_file
from livespark.snapshots.objects import Described, groups, hash_of, layout, pieces, size_of
from livespark.snapshots.reading import verify

__all__ = ("TEMPORARY", "ArrayData", "Writing")

TEMPORARY: Final = ".new-"
"""How names of files begin that are not whole yet."""

_FILES: Final = 32
_BYTES: Final = 64 * 1024**2
"""At most so many files, and about so many bytes, wait to be flushed together."""


class ArrayData(NamedTuple):
    """An array to be saved: `data()` gives its bytes, little-endian, in C order; they must not change any more.

    `dtype` is safetensors' name for it. `data` is called once for each snapshot, on the writing thread.
    """

    dtype: str
    shape: tuple[int, ...]
    data: Callable[[], memoryview]


@dataclass
class _File:
    """A file on its way: written to `draft`, flushed, renamed. `fd` is open until it is flushed. `is_new`: there was
    none of that name."""

    name: str
    draft: Path
    is_new: bool
    fd: int | None = None
    size: int = 0
    whole: bool = False


class Writing:
    """Writes the parts of one snapshot. `trusted`: objects of which we know that they are whole. All raises OSError.

    `size`: bytes of all objects so far, `written`: of those that were new. Objects are filled one after the other, and
    flushed a few together.
    """

    def __init__(self, path: Path, disk: Disk, trusted: set[str], on_object: Callable[[int], None] | None) -> None:
        self._path, self._disk, self._trusted, self._on_object = path, disk, trusted, on_object
        self._made: list[str] = []
        self._seen: set[str] = set()
        self._waiting: list[_File] = []
        self.size = self.written = 0

    def arrays(self, arrays: Sequence[ArrayData]) -> list[ArrayEntry]:
        """Put the arrays' objects on disk; -> where each array lies."""
        described: list[Described] = [(array.dtype, tuple(array.shape)) for array in arrays]
        entries: dict[int, ArrayEntry] = {}
        for group in groups(described):
            plan = layout(group, [described[index] for index in group])
            whole = list(pieces(plan.head, (_bytes_of(arrays[index]) for index in group)))
            name = hash_of(whole)
            self._put(array_file(name), plan.size, iter(whole))
            for index, (start, end) in zip(group, plan.ranges, strict=True):
                dtype, shape = described[index]
                entries[index] = ArrayEntry(dtype, list(shape), name, start, end)
        return [entries[index] for index in range(len(arrays))]

    def pickles(self, pickles: Sequence[bytes]) -> list[str]:
        """Put the pickles' objects on disk; -> the hash of each."""
        names = [hashlib.sha256(data).hexdigest() for data in pickles]
        for name, data in zip(names, pickles, strict=True):
            self._put(pickle_file(name), len(data), iter([memoryview(data)]))
        return names

    def flush(self) -> None:
        """All objects so far are whole and have their names; the names may not be flushed yet."""
        waiting, self._waiting = self._waiting, []
        try:
            together(self._finish, waiting)
        finally:
            for file in waiting:
                self._note(file)

    def write(self, name: str, data: bytes) -> None:
        """A whole file under its name, or none."""
        file = self._begun(name)
        try:
            self._fill(file, iter([data]))
            self._finish(file)
        finally:
            self._drop(file)

    def undo(self) -> None:
        """Remove the objects that are there only because of this snapshot, as far as the disk lets us."""
        for file in self._waiting:
            self._drop(file)
        for name in self._made:
            self._trusted.discard(name)
            self._forget(self._path / name)

    def _put(self, name: str, size: int, data: Iterator[bytearray | memoryview]) -> None:
        if name not in self._seen:
            self._seen.add(name)
            self.size += size
            if not self._is_there(name, size):
                self._add(name, size, data)
        if self._on_object:
            self._on_object(self.size)

    def _add(self, name: str, size: int, data: Iterator[bytearray | memoryview]) -> None:
        file = self._begun(name)
        self._waiting.append(file)
        self._fill(file, data)
        self.written += size
        if len(self._waiting) >= _FILES or sum(each.size for each in self._waiting) >= _BYTES:
            self.flush()

    def _is_there(self, name: str, size: int) -> bool:
        """Size and kind are looked at every time, the bytes once: until then, an earlier process may have left rot."""
        try:
            status = (self._path / name).lstat()
            if not stat.S_ISREG(status.st_mode) or status.st_size != size:
                return False
            if name not in self._trusted:
                verify(self._path, name, size)
                self._trusted.add(name)
        except (OSError, Damaged):
            return False
        return True

    def _begun(self, name: str) -> _File:
        path = self._path / name
        return _File(name, path.with_name(f"{TEMPORARY}{os.urandom(8).hex()}"), not os.path.lexists(path))

    def _fill(self, file: _File, data: Iterator[bytes | bytearray | memoryview]) -> None:
        file.fd = self._disk.create(file.draft)
        for piece in data:
            taken = self._disk.write(file.fd, piece)
            while taken < len(piece):
                taken += self._disk.write(file.fd, memoryview(piece)[taken:])
            file.size += len(piece)

    def _finish(self, file: _File) -> None:
        assert file.fd is not None
        self._disk.fsync(file.fd)
        self._disk.rename(file.draft, self._path / file.name)
        file.whole = True

    def _note(self, file: _File) -> None:
        if file.whole:
            self._trusted.add(file.name)
        if file.whole and file.is_new:
            self._made.append(file.name)
        self._drop(file)

    def _drop(self, file: _File) -> None:
        """Let go of it, and of what it left on disk unless it is whole."""
        if file.fd is not None:
            fd, file.fd = file.fd, None
            with contextlib.suppress(OSError):
                os.close(fd)
            if not file.whole:
                self._forget(file.draft)

    def _forget(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            self._disk.remove(path)


def _bytes_of(array: ArrayData) -> memoryview:
    """Raises ValueError where the array is not what it says."""
    view = array.data()
    size = size_of((array.dtype, array.shape))
    if view.nbytes != size:
        raise ValueError(f"an array of {array.dtype} {list(array.shape)} has {view.nbytes} bytes, and not {size}")
    return view.cast("B") if size else memoryview(b"")
