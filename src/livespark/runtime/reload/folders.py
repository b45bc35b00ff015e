"""Which entries of which folders a file's content depends on, and a watch on exactly these folders.

Editors replace files, links are pointed elsewhere, `git checkout` removes a folder and makes it again. So it is not
files that are watched but the folders with their names in them: for each symbolic link on the way to the file, the
folder of the link; where the way ends early, the folder in which it would go on.
"""

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from livespark.runtime.reload.inotify import Change, Inotify

__all__ = ("Folders", "Place", "is_remote", "places")

Place = tuple[str, str]
"""A folder, without links in its path, and the name of an entry."""

_MOST_LINKS: Final = 40
_TRIES: Final = 10
_REMOTE: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "fuse", "afs", "ceph", "lustre", "gpfs", "beegfs"}
    | {"glusterfs", "vboxsf", "vmhgfs", "drvfs"}
)
_MOUNTS: Final = Path("/proc/self/mountinfo")


def places(path: str) -> list[Place]:
    """The entries that decide what the absolute `path` leads to: links on the way, and the last, or the missing one."""
    found: list[Place] = []
    folder, rest = "/", path.split("/")[::-1]
    while rest and len(found) < _MOST_LINKS:
        name = rest.pop()
        if name in ("", ".", ".."):
            folder = os.path.dirname(folder) if name == ".." else folder  # noqa: PTH120 - of a text
            continue
        entry = os.path.join(folder, name)  # noqa: PTH118 - of texts
        target = _target(entry)
        if target is None or target or not rest:
            found.append((folder, name))
        if target is None:
            break
        rest.extend(target.split("/")[::-1])
        folder = "/" if target.startswith("/") else folder if target else entry
    return found


def _target(entry: str) -> str | None:
    """Where the link leads; empty if it is none, None if there is nothing."""
    try:
        return os.readlink(entry)  # noqa: PTH115 - of a text, some hundred times
    except OSError as error:
        return "" if error.errno == errno.EINVAL else None


def is_remote(path: str, mounts: Path = _MOUNTS) -> bool:
    """Whether others can change the file without this kernel noticing. Where that can't be told: no."""
    try:
        with mounts.open(errors="surrogateescape") as file:
            kinds = dict(_mount(line) for line in file)
    except (OSError, ValueError):
        return False
    real = os.path.realpath(path)
    above = max((point for point in kinds if f"{real}/".startswith(f"{point.rstrip('/')}/")), key=len, default="")
    return kinds.get(above, "").partition(".")[0] in _REMOTE


def _mount(line: str) -> tuple[str, str]:
    """The mount point and the kind of file system; a later line for the same point is the one on top."""
    before, after = line.split(" - ", 1)
    point = before.split()[4].encode(errors="surrogateescape").decode("unicode_escape")
    return os.fsdecode(point.encode("latin-1")), after.split()[0]


class Folders:
    """The folders that are watched for the sake of files. For one thread."""

    def __init__(self, inotify: Inotify) -> None:
        self._inotify = inotify
        self._places: dict[str, list[Place]] = {}
        self._files: dict[Place, set[str]] = {}

    def follow(self, path: str) -> None:
        """Tell of changes that concern the file. Raises OSError where that is not possible."""
        for _ in range(_TRIES):
            found = places(path)
            self._keep(path, found)
            if self._add(found) and places(path) == found:
                return
        raise OSError(errno.EBUSY, "its folders change all the time", path)

    def take(self, changes: Iterable[Change]) -> set[str]:
        """-> the followed files that are concerned by these changes."""
        return {path for change in changes for path in self._concerned(change)}

    def _concerned(self, change: Change) -> list[str]:
        if not change.folder:
            return list(self._places)
        if not change.name:
            return [path for path, found in self._places.items() if any(change.folder == each[0] for each in found)]
        paths = self._files.get((change.folder, change.name))
        if not paths or (change.made and _is_unwritten(os.path.join(change.folder, change.name))):  # noqa: PTH118
            return []
        return list(paths)

    def _keep(self, path: str, found: list[Place]) -> None:
        former = self._places.get(path, [])
        if former == found:
            return
        self._places[path] = found
        for place in found:
            self._files.setdefault(place, set()).add(path)
        for place in former:
            if place not in found:
                self._drop(place, path)

    def _drop(self, place: Place, path: str) -> None:
        self._files[place].discard(path)
        if not self._files[place]:
            del self._files[place]
        if not any(folder == place[0] for folder, _ in self._files):
            self._inotify.remove(place[0])

    def _add(self, found: list[Place]) -> bool:
        """Whether all folders are there. Raises OSError where one can't be watched for another reason."""
        for folder, _ in found:
            try:
                self._inotify.add(folder)
            except (FileNotFoundError, NotADirectoryError):
                return False
        return True


def _is_unwritten(entry: str) -> bool:
    """A new file is told of again when its writer closes it; a link, a folder, or a second name of a file is not."""
    try:
        status = os.lstat(entry)
    except OSError:
        return True
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1
