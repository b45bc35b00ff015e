"""Writes snapshots behind the training: one thread, one at a time, and one that waits.

Its thread is a modest one: where training needs every core, it comes second.
"""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

__all__ = ("Writer",)

_MODEST: Final = 10


class Writer:
    """`write` puts a job in; the training thread never waits but in `wait`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jobs: list[Callable[[], object]] = []
        self._busy = False
        self._thread: threading.Thread | None = None

    def write(self, job: Callable[[], object]) -> None:
        """Have it done behind those before it. The job tells its own outcome, and does not raise."""
        with self._changed:
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="livespark-snapshots", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wait(self) -> None:
        """Until all is done."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._jobs or self._busy))

    def _run(self) -> None:
        _be_modest()
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._jobs)
                self._busy, job = True, self._jobs.pop(0)
            job()
            del job


def _be_modest() -> None:
    """Only Linux gives each thread a priority of its own."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _MODEST)
