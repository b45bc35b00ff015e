"""The spool: the worker's batches that the server has not acknowledged yet, in a file that survives the worker's death.

Each record (see `records`) is the JSON of a `Batch`. The file is cut to nothing when everything in it is acknowledged.

Invariants. In the file lie batches up to `_filed`, in memory those after it; both together end with `last`. `first` is
the first one not acknowledged, at offset `_start` if it is in the file. Numbers are dense. `append` may be called from
any thread; everything else belongs to one thread, the one that sends, so long reading and rewriting need no lock.
"""

import contextlib
import errno
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from livespark.protocol import codec
from livespark.protocol.events import Batch, Notice, Timed
from livespark.transport.batching import Compactor
from livespark.transport.files import write_fully
from livespark.transport.records import HEAD, dense, pack, payloads, up_to

__all__ = ("Spool", "read_spool")

_RETRY: Final = 1.0
"""Seconds until a disk that failed is tried again."""


class Spool:
    """An append-only file of batches, from the first unacknowledged one on. Never raises because of the disk: what
    can't be written waits in memory, and `failure` says why.

    `limit` and `memory_limit` (bytes of unacknowledged batches in the file, and in memory) are kept by thinning metric
    rows, see `batching`. `after` is the last batch known to be acknowledged when a spool is opened again.
    """

    def __init__(
        self,
        path: Path,
        *,
        limit: int = 256 * 1024**2,
        memory_limit: int = 16 * 1024**2,
        after: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.failure: OSError | None = None
        """Why the disk does not take batches at the moment; None when it does."""
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._limit = self._threshold = limit
        self._memory_limit = self._memory_threshold = memory_limit
        self._memory: deque[bytes] = deque()
        self._memory_size = 0
        self._stride = self._memory_stride = 2
        self._retry_at = 0.0
        self._fd: int | None = None
        self._closed = False
        self._start = self._size = 0
        self.first, self.last = after + 1, after
        self._filed = self._offered = after
        self._recover()

    @property
    def empty(self) -> bool:
        """Everything is acknowledged."""
        return self.first > self.last

    def append(self, events: list[Timed]) -> int:
        """Put a batch at the end; -> its number. Once this returns, SIGKILL does not lose it, unless the disk fails."""
        with self._lock:
            number = self.last + 1
            payload = codec.encode(Batch(number, events))
            if self._memory or not self._write(payload):
                self._memory.append(payload)
                self._memory_size += len(payload)
            else:
                self._filed = number
            self.last = number
            return number

    def pending(self, limit: int) -> list[bytes]:
        """The first unacknowledged batches as JSON, in order, about `limit` bytes: at least one unless `empty`."""
        with self._lock:
            fd, start, end, filed, waiting = self._fd, self._start, self._size, self._filed, list(self._memory)
        found = list(up_to(limit, self._read(fd, start, end)))
        if not found and self.first <= filed:
            self._drop_file()
        if self.first + len(found) > filed:
            found += up_to(limit - sum(map(len, found)), waiting)
        self._offered = max(self._offered, self.first + len(found) - 1)
        return found

    def acknowledge(self, number: int) -> None:
        """Batches up to `number` are safe elsewhere."""
        number = min(number, self.last)
        if number < self.first:
            return
        start = self._start if number >= self._filed else self._offset_after(number)
        with self._lock:
            if number >= self._filed:
                self._forget(number - self._filed)
                self._clear()
            else:
                self._start = start
            self.first = number + 1

    def tidy(self) -> None:
        """Housekeeping: move what waits in memory to the disk, keep the bounds. To be called after appending."""
        self._refill()
        if self._memory_size > self._memory_threshold:
            self._thin_memory()
        if not self._memory and self._size - self._start > self._threshold:
            self._thin_file()
        elif not self._memory and self._start > self._limit // 4:
            self._rewrite(None)

    def close(self) -> None:
        """Let go of the file, which stays. Also right in a forked child: takes no lock."""
        self._closed = True
        self._let_go()

    def _recover(self) -> None:
        """Open the file and find out what is in it."""
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            offset = 0
            for number, payload in dense(payloads(self._fd, 0, os.fstat(self._fd).st_size)):
                offset += HEAD + len(payload)
                if number < self.first:
                    self._start = offset
                self._filed = self.last = max(number, self.last)
            self._size = offset
            os.ftruncate(self._fd, offset)
        except OSError as error:
            self._fail(error)

    def _write(self, payload: bytes) -> bool:
        if self._closed or (self.failure and self._clock() < self._retry_at):
            return False
        try:
            if self._fd is None:
                self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            write_fully(self._fd, pack(payload), self._size)
        except OSError as error:
            self._fail(error)
            return False
        self._size += HEAD + len(payload)
        self.failure = None
        return True

    def _fail(self, error: OSError) -> None:
        self.failure = error
        self._retry_at = self._clock() + _RETRY
        if error.errno == errno.EBADF:
            self._let_go()  # a script closes what is not its own; the file is opened again
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size)

    def _let_go(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            with contextlib.suppress(OSError):
                os.close(fd)

    def _refill(self) -> None:
        """Move batches from memory to the file, one at a time, so that nobody waits long."""
        while self._memory:
            with self._lock:
                if not self._write(self._memory[0]):
                    return
                self._forget(1)
                self._filed += 1

    def _forget(self, count: int) -> None:
        for _ in range(count):
            self._memory_size -= len(self._memory.popleft())

    def _clear(self) -> None:
        """The file holds nothing that is needed."""
        self._filed = max(self._filed, self.last - len(self._memory))
        self._start = self._size
        self._threshold, self._stride = self._limit, 2
        if self._fd is not None and self._size:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
                self._start = self._size = 0

    def _drop_file(self) -> None:
        """Somebody damaged the file: go on with what comes after it."""
        with self._lock:
            self.first = self._filed + 1
            self._clear()

    def _offset_after(self, number: int) -> int:
        offset = self._start
        for payload in islice(self._read(self._fd, self._start, self._size), number - self.first + 1):
            offset += HEAD + len(payload)
        return offset

    def _read(self, fd: int | None, start: int, end: int) -> Iterator[bytes]:
        """What can be read; bytes that the disk does not give back count as damaged."""
        with contextlib.suppress(OSError):
            yield from payloads(fd, start, end) if fd is not None else ()

    def _thin_memory(self) -> None:
        with self._lock:
            compactor = Compactor(self._filed + 1, self._offered, self._memory_stride)
            self._memory = deque(_compacted(compactor, self._memory))
            self._memory_size = sum(map(len, self._memory))
            self._memory_threshold = max(self._memory_limit, self._memory_size * 5 // 4)
            self.last = compactor.last
        if self._memory_size > self._memory_limit * 3 // 4 and compactor.dropped:
            self._memory_stride *= 2
            self._thin_memory()

    def _thin_file(self) -> None:
        """Bring new rows to the density of the old ones; if that is not enough, make all less dense."""
        compactor = Compactor(self.first, self._offered, self._stride)
        done = self._rewrite(compactor)
        if done and self._size > self._limit * 3 // 4 and compactor.dropped:
            self._stride *= 2
            self._thin_file()

    def _rewrite(self, compactor: Compactor | None) -> bool:
        """Put the unacknowledged batches into a new file, thinned where there is a compactor. False: no room for it."""
        draft = self._path.with_name(self._path.name + ".new")
        try:
            fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._keep_size(error)
            return False
        try:
            self._rewrite_into(fd, draft, compactor)
        except OSError as error:
            os.close(fd)
            with contextlib.suppress(OSError):
                draft.unlink()
            self._keep_size(error)
            return False
        return True

    def _rewrite_into(self, fd: int, draft: Path, compactor: Compactor | None) -> None:
        assert self._fd is not None
        seen = self._size
        size = _write_all(fd, 0, _taken(compactor, payloads(self._fd, self._start, seen)))
        with self._lock:
            size = _write_all(fd, size, _compacted(compactor, payloads(self._fd, seen, self._size)))
            draft.replace(self._path)
            os.close(self._fd)
            self._fd, self._start, self._size = fd, 0, size
            self._threshold = max(self._limit, size * 5 // 4)
            if compactor:
                self._filed = self.last = compactor.last

    def _keep_size(self, error: OSError) -> None:
        """There was no room to make room: try again when the file has grown by a quarter."""
        self.failure = error
        self._threshold = self._size * 5 // 4


def read_spool(path: Path) -> Iterator[Batch]:
    """The batches in a dead worker's spool, in order, also acknowledged ones, without a torn end. Raises OSError.

    A notice stands for one that can't be understood, so that it holds up neither those behind it nor the run's end.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for number, payload in dense(payloads(fd, 0, os.fstat(fd).st_size)):
            yield _understood(number, payload)
    finally:
        os.close(fd)


def _understood(number: int, payload: bytes) -> Batch:
    try:
        batch: Batch = codec.decode(payload, Batch)
    except codec.Malformed as error:
        text = f"events that the worker left behind can't be understood, maybe they are of another version ({error})"
        return Batch(number, [Timed(time.time(), Notice("error", "events-lost", text))])
    return batch


def _compacted(compactor: Compactor | None, payloads: Iterable[bytes]) -> Iterator[bytes]:
    """All of `payloads`, through the compactor and to its end."""
    yield from _taken(compactor, payloads)
    if compactor:
        yield from compactor.finish()


def _taken(compactor: Compactor | None, payloads: Iterable[bytes]) -> Iterator[bytes]:
    for payload in payloads:
        yield from compactor.take(payload) if compactor else (payload,)


def _write_all(fd: int, offset: int, payloads: Iterable[bytes]) -> int:
    """Write records from `offset` on; -> the offset after them."""
    for payload in payloads:
        record = pack(payload)
        write_fully(fd, record, offset)
        offset += len(record)
    return offset
