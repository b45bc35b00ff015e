"""Moves a script's output from its pipes to the log: by the keeper, and by the worker once its keeper is dead.

Nothing is read before it can be written, so that killing the process that pumps loses nothing. Small pieces of a chatty
stream are gathered by leaving them in the pipe for a moment. When the log can't be written, output is thrown away
rather than letting the script wait, and the log says how much is missing.
"""

import contextlib
import fcntl
import os
import select
import time
from collections.abc import Callable, Mapping
from typing import Final

from livespark.transport.output_log import PIECE, STDERR, OutputWriter

__all__ = ("Pump", "prepare")

_GATHER: Final = 0.002
"""Seconds for which a stream that has just been read is left alone: longer would mix up the order of the streams."""

_SPLIT: Final = 0.02
"""Seconds to wait for the rest of a character whose first bytes came alone."""

_PIPE: Final = 1024**2
_RETRY: Final = 1.0
_READABLE: Final = select.POLLIN | select.POLLHUP | select.POLLERR


def prepare(fd: int) -> None:
    """Make a pipe's reading end fit for a pump: non-blocking, and as roomy as the system allows."""
    os.set_blocking(fd, False)
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE)


class Pump:
    """Pipes (reading end to stream number) into a log. `wake`: a descriptor that ends a waiting once it is readable."""

    def __init__(
        self,
        writer: OutputWriter,
        pipes: Mapping[int, int],
        wake: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lost = 0
        """Bytes thrown away since the log could last be written."""
        self._writer = writer
        self._streams = dict(pipes)
        self._rest = dict.fromkeys(pipes, 0.0)
        self._wake = wake
        self._clock = clock
        self._retry_at = 0.0
        self._reason = ""

    @property
    def finished(self) -> bool:
        """All pipes are closed by those who wrote."""
        return not self._streams

    def turn(self, timeout: float | None = None) -> None:
        """Move what there is; wait for it, at most `timeout` seconds (None: for ever) or until woken."""
        self.move(self.wait(timeout))

    def wait(self, timeout: float | None = None) -> list[int]:
        """The pipes that have something to move now, in the order in which it was written, as far as that can be seen:
        what a resting pipe holds is older than what has just woken us."""
        now = self._clock()
        resting = [until - now for fd, until in self._rest.items() if fd in self._streams and until > now]
        waits = [*resting, *([] if timeout is None else [timeout])]
        fds = [fd for fd in self._streams if self._rest[fd] <= now]
        wake = [] if self._wake is None else [self._wake]
        ready = _readable([*fds, *wake], min(waits, default=None))
        older = [fd for fd in self._streams if fd not in fds]
        return [*_readable(older, 0.0), *ready] if older and ready else ready

    def move(self, ready: list[int]) -> None:
        """Move a piece from each of these pipes (others are passed over)."""
        for fd in ready:
            if fd in self._streams:
                self._move(fd)

    def drain(self) -> None:
        """Move what is in the pipes now, without waiting: as much as full pipes hold, should somebody go on writing."""
        for _ in range(2 * _PIPE // PIECE):
            for fd in _readable(list(self._streams), 0.0):
                self._copy(fd)

    def _move(self, fd: int) -> None:
        size = self._copy(fd)
        if size and not self.lost and self._writer.ends_within_character() and _readable([fd], _SPLIT):
            self._copy(fd)
        self._rest[fd] = self._clock() + (_GATHER if size < PIECE // 2 else 0.0)

    def _copy(self, fd: int) -> int:
        """Move one piece; -> its size. Forgets the pipe at its end."""
        try:
            size = self._throw_away(fd) if self._clock() < self._retry_at else self._keep(fd)
        except BlockingIOError:
            return 0
        if not size:
            del self._streams[fd]
        return size

    def _keep(self, fd: int) -> int:
        try:
            if self.lost:
                note = f"[livespark: {self.lost} bytes of output are missing here: {self._reason}]\n"
                self._writer.write(STDERR, note.encode())
                self.lost = 0
            return self._writer.copy(self._streams[fd], fd)
        except BlockingIOError:
            raise
        except OSError as error:
            self._reason = error.strerror or str(error)
            self._retry_at = self._clock() + _RETRY
            return self._throw_away(fd)

    def _throw_away(self, fd: int) -> int:
        size = len(os.read(fd, PIECE))
        self.lost += size
        return size


def _readable(fds: list[int], timeout: float | None) -> list[int]:
    """Those of `fds` that can be read, or are at their end, after waiting for one of them."""
    poller = select.poll()
    for fd in fds:
        poller.register(fd, select.POLLIN)
    ready = poller.poll(None if timeout is None else max(0.0, timeout) * 1000)
    return [fd for fd, events in ready if events & _READABLE]
