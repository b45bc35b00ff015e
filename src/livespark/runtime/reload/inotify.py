"""Linux's own word that something in a folder has changed. Reading blocks in the kernel; nothing wakes meanwhile.

A file counts as written when its writer closes it, or when it is moved to its name: never half-way.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ("Change", "Inotify", "open_inotify")

_CLOSE_WRITE: Final = 0x8
_MOVED_TO: Final = 0x80
_CREATE: Final = 0x100
_DELETE_SELF: Final = 0x400
_MOVE_SELF: Final = 0x800
_UNMOUNT: Final = 0x2000
_OVERFLOW: Final = 0x4000
_IGNORED: Final = 0x8000
_ONLY_FOLDERS: Final = 0x1000000
_MASK: Final = _CLOSE_WRITE | _MOVED_TO | _CREATE | _DELETE_SELF | _MOVE_SELF | _ONLY_FOLDERS
_GONE: Final = _DELETE_SELF | _MOVE_SELF | _UNMOUNT | _IGNORED
_HEAD: Final = struct.Struct("iIII")
_PIECE: Final = 65536


@dataclass(frozen=True, slots=True)
class Change:
    """Something has happened to the entry `name` of `folder`; with an empty name, to the folder itself: it is gone.

    `made`: the entry is new; it may be a file that is yet to be written. Without a folder: changes have been lost.
    """

    folder: str
    name: str
    made: bool = False


class Inotify:
    """One queue of changes. One thread at a time, but `close`."""

    def __init__(self, libc: ctypes.CDLL, fd: int) -> None:
        self.fd = fd
        self._libc = libc
        self._folders: dict[int, str] = {}
        self._numbers: dict[str, int] = {}

    def add(self, folder: str) -> None:
        """Tell of changes in `folder`. Raises OSError: it is not there, or there are too many already (ENOSPC)."""
        number = self._libc.inotify_add_watch(self.fd, os.fsencode(folder), _MASK)
        if number < 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error), folder)
        if former := self._folders.get(number):
            self._numbers.pop(former, None)
        self._folders[number], self._numbers[folder] = folder, number

    def remove(self, folder: str) -> None:
        """Tell of it no longer."""
        number = self._numbers.pop(folder, None)
        if number is not None:
            del self._folders[number]
            self._libc.inotify_rm_watch(self.fd, number)

    def read(self) -> list[Change]:
        """What has happened since; empty if nothing has."""
        try:
            data = os.read(self.fd, _PIECE)
        except BlockingIOError:
            return []
        return [change for number, mask, name in _records(data) if (change := self._change(number, mask, name))]

    def close(self) -> None:
        os.close(self.fd)

    def _change(self, number: int, mask: int, name: str) -> Change | None:
        if mask & _OVERFLOW:
            return Change("", "")
        folder = self._folders.get(number)
        if folder is None:
            return None
        if mask & _GONE:
            self.remove(folder)
            return Change(folder, "")
        return Change(folder, name, made=bool(mask & _CREATE)) if name else None


def open_inotify() -> Inotify | None:
    """None where there is none: on another system, or when the user's limit is reached."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    return Inotify(libc, fd) if fd >= 0 else None


def _records(data: bytes) -> Iterator[tuple[int, int, str]]:
    at = 0
    while at < len(data):
        number, mask, _, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        yield number, mask, os.fsdecode(data[at : at + length].rstrip(b"\0"))
        at += length
