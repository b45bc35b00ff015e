"""One snapshot as an uncompressed tar: for download, and to be unpacked into a folder that `Folder` reads."""

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from livespark.snapshots.damage import Damaged
from livespark.snapshots.folder import Folder
from livespark.snapshots.reading import open_file

__all__ = ("Archive",)

_CHUNK: Final = 1024**2
_BLOCK: Final = 512
_END: Final = 2 * _BLOCK


class Archive:
    """The tar of snapshot `number`: the same bytes every time. Raises Damaged where the snapshot is not complete.

    `size`: bytes of all. Its hashes are not computed here: whoever unpacks it opens it, and that verifies.
    """

    def __init__(self, folder: Folder, number: int) -> None:
        self._path = folder.path
        self._files = [(name, _size(folder.path, name)) for name in folder.files(number)]
        self.size = sum(_BLOCK + _padded(size) for _, size in self._files) + _END

    def __iter__(self) -> Iterator[bytes]:
        """The bytes, in chunks of 1 byte to 1 MiB. Blocks for the disk. Raises Damaged when files change meanwhile."""
        for name, size in self._files:
            yield _head(name, size)
            yield from self._content(name, size)
            if padding := _padded(size) - size:
                yield b"\0" * padding
        yield b"\0" * _END

    def _content(self, name: str, size: int) -> Iterator[bytes]:
        fd = open_file(self._path, name)
        try:
            left = size
            while left:
                chunk = os.read(fd, min(left, _CHUNK))
                if not chunk:
                    raise Damaged(f"{name} became shorter while it was read")
                left -= len(chunk)
                yield chunk
        except OSError as error:
            raise Damaged(f"{name} can't be read: {error.strerror}") from None
        finally:
            os.close(fd)


def _size(path: Path, name: str) -> int:
    fd = open_file(path, name)
    try:
        return os.fstat(fd).st_size
    finally:
        os.close(fd)


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _head(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry.tobuf(tarfile.GNU_FORMAT)
