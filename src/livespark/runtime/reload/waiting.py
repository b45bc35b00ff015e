"""A thread that sleeps in the kernel until a descriptor has something to read, or another thread wakes it."""

import os
import select
import threading
from contextlib import suppress

__all__ = ("Waiter",)


class Waiter:
    """One thread waits; any thread wakes it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)
        self._poller = select.poll()
        self._poller.register(self._reading, select.POLLIN)
        self._open = True

    def add(self, fd: int) -> None:
        """Wait for this descriptor, too."""
        self._poller.register(fd, select.POLLIN)

    def wait(self, seconds: float | None) -> bool:
        """-> whether something has happened within so many seconds (None: for ever)."""
        happened = bool(self._poller.poll(None if seconds is None else seconds * 1000))
        with suppress(BlockingIOError):
            os.read(self._reading, 4096)
        return happened

    def wake(self) -> None:
        with self._lock, suppress(BlockingIOError):
            if self._open:
                os.write(self._writing, b".")

    def close(self) -> None:
        """For the thread that waits. Waking it does nothing from here on."""
        with self._lock:
            if self._open:
                self._open = False
                os.close(self._reading)
                os.close(self._writing)

    def abandon(self) -> None:
        """In a forked child, where the lock may be somebody's who is not here."""
        self._lock = threading.Lock()
        self.close()
