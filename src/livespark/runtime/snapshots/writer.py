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
    """`write` puts a job in; the training thread never waits but in `wait`. `failed` hears what a job raised."""

    def __init__(self, failed: Callable[[BaseException], object]) -> None:
        self._failed = failed
        self._changed = threading.Condition()
        self._jobs: list[Callable[[], object]] = []
        self._busy = False
        self._thread: threading.Thread | None = None

    def write(self, job: Callable[[], object]) -> None:
        """Have it done behind those before it. The job tells its own outcome. Raises RuntimeError where there can be no
        thread; then it is not done."""
        with self._changed:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="livespark-snapshots", daemon=True)
                thread.start()
                self._thread = thread
            self._jobs.append(job)
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
            self._do(job)
            del job

    def _do(self, job: Callable[[], object]) -> None:
        """Whatever a job raises, the next one is done, too, and nobody waits for ever."""
        try:
            job()
        except BaseException as error:
            with suppress(Exception):
                self._failed(error)


def _be_modest() -> None:
    """Only Linux gives each thread a priority of its own."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _MODEST)
