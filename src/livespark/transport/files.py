"""Files that other processes read: whole, or not there."""

import contextlib
import os
import threading
from pathlib import Path

__all__ = ("write_atomically", "write_fully")


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
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        write_fully(fd, data, 0)
    finally:
        os.close(fd)
