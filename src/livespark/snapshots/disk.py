"""Every call by which a folder of snapshots changes the disk. What fails here is all that can fail while writing."""

import fcntl
import os
import sys
from pathlib import Path

__all__ = ("Disk",)


class Disk:
    """The real one. All methods raise OSError. Tests derive from it to let single calls fail."""

    def make_folder(self, path: Path) -> None:
        """A new folder of its owner's only; the one above it must be there."""
        path.mkdir(mode=0o700)

    def create(self, path: Path) -> int:
        """-> the descriptor of a new file of its owner's only, for writing."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def write(self, fd: int, data: bytes | bytearray | memoryview) -> int:
        """-> how many bytes of `data` were taken, at least one. Other threads run meanwhile."""
        return os.write(fd, data)

    def fsync(self, fd: int) -> None:
        """Returns when the file's bytes would survive a power failure."""
        if sys.platform == "darwin":
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        else:
            os.fsync(fd)

    def rename(self, path: Path, to: Path) -> None:
        path.replace(to)

    def remove(self, path: Path) -> None:
        """It may be gone already."""
        path.unlink(missing_ok=True)

    def sync_folder(self, path: Path) -> None:
        """Returns when the names in the folder would survive a power failure."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
