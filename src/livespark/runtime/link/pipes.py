"""The worker's own hold on its output: should the keeper die, the worker goes on filling the log.

The keeper leaves three descriptors (`LIVESPARK_PIPES=out,err,life`): the reading ends of the worker's stdout and
stderr, and of a pipe whose writing end only the keeper has. While that one is open the keeper reads, and nobody here
does.
"""

import atexit
import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import MutableMapping
from pathlib import Path

from livespark.transport.output_log import PIECE, STDERR, STDOUT, OutputWriter
from livespark.transport.pump import Pump

__all__ = ("VARIABLE", "OutputPipes", "take_over_pipes")

VARIABLE = "LIVESPARK_PIPES"


class OutputPipes:
    """The reading ends of this process's own output, and a thread that waits for the keeper's death."""

    def __init__(self, run_dir: Path, out: int, err: int, life: int) -> None:
        self._run_dir = run_dir
        self._fds = (out, err, life)
        self._pump: Pump | None = None
        self._lock = threading.Lock()
        self._mine = True
        for fd in self._fds:
            os.set_inheritable(fd, False)

    def start(self) -> None:
        """Watch over the keeper until the process ends."""
        os.register_at_fork(after_in_child=self.abandon)
        atexit.register(self.drain)
        threading.Thread(target=self._watch, name="livespark-output", daemon=True).start()

    def drain(self) -> None:
        """Bring what was written so far into the log, if nobody else does. For the very end, after all other output."""
        if not self._mine:
            return
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, OSError, ValueError):
                stream.flush()
        if self._keeper_is_dead(0.0):
            with self._lock, contextlib.suppress(OSError):
                self._pump = self._pump or self._new_pump()
                self._pump.drain()

    def abandon(self) -> None:
        """In a forked child: let go of the pipes, which belong to the parent."""
        if self._mine:
            self._mine = False
            for fd in self._fds:
                os.close(fd)

    def _watch(self) -> None:
        self._keeper_is_dead(None)
        while (pump := self._open_log()) is None:
            self._throw_away()
        while True:
            ready = pump.wait()
            with self._lock:
                pump.move(ready)

    def _keeper_is_dead(self, timeout: float | None) -> bool:
        poller = select.poll()
        poller.register(self._fds[2], select.POLLIN)
        return bool(poller.poll(timeout))

    def _open_log(self) -> Pump | None:
        with self._lock, contextlib.suppress(OSError):
            self._pump = self._pump or self._new_pump()
        return self._pump

    def _new_pump(self) -> Pump:
        out, err, _ = self._fds
        return Pump(OutputWriter(self._run_dir), {out: STDOUT, err: STDERR})

    def _throw_away(self) -> None:
        """Without a log, the script must not wait for somebody to read."""
        for fd in self._fds[:2]:
            with contextlib.suppress(BlockingIOError):
                while os.read(fd, PIECE):
                    pass
        time.sleep(0.05)


def take_over_pipes(environ: MutableMapping[str, str], run_dir: Path) -> OutputPipes | None:
    """The pipes that the keeper left, removed from the environment; None where there are none (or not ours to read)."""
    text = environ.pop(VARIABLE, "")
    try:
        out, err, life = (int(part) for part in text.split(","))
        return OutputPipes(run_dir, out, err, life)
    except (ValueError, OSError):
        return None
