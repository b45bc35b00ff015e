"""Files that other processes read: whole, or not there; and for nobody but their owner."""

import contextlib
import os
import stat
import threading
from pathlib import Path

__all__ = ("is_private", "private", "private_folder", "write_atomically", "write_fully")


def private_folder(path: Path) -> None:
    """Make `path` if needed, and see to it that nobody else can write there. Raises OSError where that can't be."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.stat()
    if not _is_ours(status) or status.st_mode & stat.S_ISVTX:
        raise OSError("it is not yours alone, and who can write there can run programs in your name")
    if status.st_mode & 0o022:
        path.chmod(stat.S_IMODE(status.st_mode) & ~0o022)


def is_private(path: Path) -> bool:
    """Whether `path` is there, ours, no link, and can be changed (a file: nor read) by nobody else."""
    try:
        status = path.lstat() if not path.is_dir() else path.stat()
    except OSError:
        return False
    others = stat.S_ISVTX | 0o022 if stat.S_ISDIR(status.st_mode) else 0o077
    return _is_ours(status) and not status.st_mode & others


def private(path: str, flags: int) -> int:
    """For `open(..., opener=private)`: a new file is its owner's only, whatever the umask."""
    return os.open(path, flags, 0o600)


def write_atomically(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace `path` by `data`: a reader sees the old content or the new, never a part. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        _write_new(draft, data, mode)
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def write_fully(fd: int, data: bytes, offset: int) -> None:
    """Write all of `data` at `offset`, in one call to the kernel unless that takes only a part. Raises OSError."""
    written = os.pwrite(fd, data, offset)
    while written < len(data):
        written += os.pwrite(fd, memoryview(data)[written:], offset + written)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        write_fully(fd, data, 0)
    finally:
        os.close(fd)


def _is_ours(status: os.stat_result) -> bool:
    """Or the administrator's, or we are that: on network file systems his files may seem to be anybody's."""
    return os.getuid() in (status.st_uid, 0) or status.st_uid == 0
