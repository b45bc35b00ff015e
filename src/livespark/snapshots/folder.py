"""The folder of one run's snapshots (`protocol.snapshots` says what lies in it): written, verified, tidied.

Theory: objects never change, and a manifest names only objects that were on disk before it. So a snapshot is there when
its manifest is, and taking it away is taking its manifest away; objects that no manifest names are swept up later. One
process writes at a time, the run's worker, or the server when the run has ended. Anybody may read meanwhile: all that
can happen is Damaged.
"""

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace

from livespark.protocol.snapshots import Manifest, SnapshotInfo
from livespark.snapshots.damage import Damaged, about
from livespark.snapshots.disk import Disk
from livespark.snapshots.manifests import LARGEST, Contents, array_file, contents, parse, pickle_file, render
from livespark.snapshots.opening import UNSEALED, OpenSnapshot, verified
from livespark.snapshots.reading import read_whole
from livespark.snapshots.seal import fits
from livespark.snapshots.sweeping import leftovers
from livespark.snapshots.writing import ArrayData, Writing

__all__ = ("ArrayData", "Draft", "Folder")

_MANIFEST: Final = re.compile(r"(0|[1-9][0-9]{0,17})\.json\Z", re.ASCII)
_OBJECTS: Final = "objects"
_DISK: Final = Disk()


@dataclass
class Draft:
    """A snapshot to be written. Of `manifest`, `arrays`, `pickles` and of its info `size`, `written` are filled in, and
    the time that it takes is added to `seconds`."""

    manifest: Manifest
    arrays: Sequence[ArrayData] = ()
    pickles: Sequence[bytes] = ()


class Folder:
    """The snapshots in `path`, which need not be there yet. `seal` is the home's key; without it nothing is sealed.

    Methods may be called from any thread. A write and a `collect` through one Folder exclude each other; two Folders
    of one path don't know of each other.
    """

    def __init__(self, path: Path, seal: bytes = b"", disk: Disk = _DISK) -> None:
        self.path = path
        self.damaged: list[str] = []
        self._seal, self._disk = seal, disk
        self._lock = threading.Lock()
        self._trusted: set[str] = set()
        self._names_flushed = False

    def numbers(self) -> list[int]:
        """Of all snapshots, damaged ones too; ascending. Empty where the folder can't be read."""
        try:
            return self.listed()
        except OSError:
            return []

    def listed(self) -> list[int]:
        """As `numbers`, for whoever would take a folder that can't be read for an empty one. Raises OSError."""
        try:
            names = [_MANIFEST.match(entry.name) for entry in self.path.iterdir()]
        except FileNotFoundError:
            return []
        return sorted(int(match[1]) for match in names if match)

    def write(self, draft: Draft, on_object: Callable[[int], None] | None = None) -> SnapshotInfo:
        """Put a snapshot on disk; it is durable when this returns. -> its info, with sizes and time.

        `on_object` is called with the bytes done so far, and may raise to give up. Raises OSError, Oversized, and
        ValueError for an array that is not what it says: then the snapshot is not there, and older ones are as before.
        One of the same number is replaced.
        """
        began = time.monotonic()
        with self._lock:
            self._make_folders()
            writing = Writing(self.path, self._disk, self._trusted, on_object)
            try:
                return self._write(draft, writing, began)
            except BaseException:
                writing.undo()
                raise

    def read(self, number: int) -> Manifest:
        """What the snapshot says of itself: its hash is right and it makes sense. Raises Damaged."""
        return self._read(number).manifest

    def open(self, number: int) -> OpenSnapshot:
        """The snapshot, all its objects read and verified (400 MB in the cache: about 50 ms). Raises Damaged."""
        found, title = self._read(number), self._title(number)
        with about(title):
            stamps = verified(self.path, found.contents)
        return OpenSnapshot(self.path, found.manifest, stamps, sealed=found.sealed, title=title)

    def files(self, number: int) -> list[str]:
        """The snapshot's files by their names below `path`: the manifest first, then what it names. Raises Damaged."""
        found = self._read(number).contents
        return [f"{number}.json", *map(array_file, found.arrays), *map(pickle_file, found.pickles)]

    def infos(self) -> list[SnapshotInfo]:
        """Of all snapshots whose manifest is readable, ascending by number."""
        found = []
        for number in self.numbers():
            with contextlib.suppress(Damaged):
                found.append(self.read(number).info)
        return found

    def newest_good(self, at_most: int | None = None, step: int | None = None) -> tuple[OpenSnapshot | None, list[str]]:
        """The newest snapshot that verifies and whose pickles, if any, are sealed; and why newer ones were left out.

        Only numbers up to `at_most`, and only those taken at or before `step`.
        """
        left_out: list[str] = []
        for number in reversed(self.numbers()):
            if at_most is not None and number > at_most:
                continue
            try:
                found = self._opened_until(number, step)
            except Damaged as problem:
                left_out.append(str(problem))
            else:
                if found:
                    return found, left_out
        return None, left_out

    def remove(self, numbers: Iterable[int]) -> list[int]:
        """Take snapshots away; what only they held is left to `collect`. -> those that were there. Raises OSError."""
        there = sorted(set(numbers).intersection(self.listed()))
        for number in there:
            self._disk.remove(self._manifest(number))
        if there:
            self._disk.sync_folder(self.path)
        return there

    def collect(self) -> int:
        """Remove objects that no manifest names, and what broken writes left. -> bytes. Raises OSError.

        Objects that are older than a manifest which can't be read stay, for it may name any of them; `damaged` says
        then why it can't be.
        """
        with self._lock:
            found = leftovers(self.path, *self._named())
            if found:
                self._disk.sync_folder(self.path)
            for path, _ in found:
                self._disk.remove(path)
            return sum(size for _, size in found)

    def _write(self, draft: Draft, writing: Writing, began: float) -> SnapshotInfo:
        arrays, pickles = writing.arrays(draft.arrays), writing.pickles(draft.pickles)
        writing.flush()
        if writing.written or not self._names_flushed:
            self._names_flushed = False
            self._disk.sync_folder(self.path / _OBJECTS)
            self._names_flushed = True
        info = _timed(draft.manifest.info, began, size=writing.size, written=writing.written)
        manifest = replace(draft.manifest, arrays=arrays, pickles=pickles, info=info)
        writing.write(f"{info.number}.json", render(manifest, self._seal))
        try:
            self._disk.sync_folder(self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                self._disk.remove(self._manifest(info.number))
            raise
        return _timed(draft.manifest.info, began, size=writing.size, written=writing.written)

    def _make_folders(self) -> None:
        objects = self.path / _OBJECTS
        if not self.path.is_dir():
            self._disk.make_folder(self.path)
            self._disk.sync_folder(self.path.parent)
        if not objects.is_dir() or objects.is_symlink():
            self._disk.make_folder(objects)
            self._disk.sync_folder(self.path)

    def _read(self, number: int) -> "_Read":
        if not os.path.lexists(self._manifest(number)):
            raise Damaged(f"there is no {self._title(number)}")
        with about(self._title(number)):
            manifest, body, seal = parse(read_whole(self.path, f"{number}.json", LARGEST), number)
            return _Read(manifest, contents(manifest), fits(seal, body, self._seal))

    def _opened_until(self, number: int, step: int | None) -> OpenSnapshot | None:
        """None for one taken after `step`, or nobody knows when."""
        taken = self.read(number).info.step if step is not None else None
        if step is not None and (taken is None or taken > step):
            return None
        found = self.open(number)
        if found.manifest.pickles and not found.sealed:
            raise Damaged(f"{self._title(number)} can't be used: {UNSEALED}")
        return found

    def _named(self) -> tuple[set[str], int]:
        """Objects that manifests name; and when the newest manifest that can't be read was written, in ns."""
        named: set[str] = set()
        damaged, written = [], 0
        for number in self.listed():
            try:
                named.update(self.files(number))
            except Damaged as problem:
                damaged.append(str(problem))
                with contextlib.suppress(FileNotFoundError):
                    written = max(written, self._manifest(number).lstat().st_mtime_ns)
        self.damaged = damaged
        return named, written

    def _manifest(self, number: int) -> Path:
        return self.path / f"{number}.json"

    def _title(self, number: int) -> str:
        whose = f"of {self.path.parent.name}" if self.path.name == "snapshots" else f"in {self.path}"
        return f"snapshot {number} {whose}"


class _Read(NamedTuple):
    manifest: Manifest
    contents: Contents
    sealed: bool


def _timed(info: SnapshotInfo, began: float, *, size: int, written: int) -> SnapshotInfo:
    return replace(info, size=size, written=written, seconds=info.seconds + time.monotonic() - began)
