"""From the script's threads to the spool: a queue that never waits, and the lock that keeps the order."""

import contextlib
import threading
from collections import deque
from queue import Empty, SimpleQueue
from time import time

from livespark.protocol.events import Event, Metrics, Notice, Status, Timed
from livespark.protocol.lifecycle import TERMINAL
from livespark.runtime.link.lighten import encodable
from livespark.runtime.ports import Desk
from livespark.transport.batching import portions
from livespark.transport.spool import Spool

__all__ = ("Outgoing",)


class Outgoing:
    """Implements `ports.Outbox` in front of a spool.

    `emit` only appends to a deque and puts into a `SimpleQueue`: no lock that another thread could hold, so it is safe
    also in signal handlers. `record` writes to the spool itself. A run's last status comes after all its metrics.
    """

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.desk: Desk | None = None
        self._queue: deque[Timed] = deque()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._order = threading.Lock()
        self._draining = threading.Lock()
        self._silent = False
        self._told = False

    def emit(self, event: Event) -> None:
        """Queue `event` behind all earlier ones."""
        if self._silent:
            return
        self._queue.append(Timed(time(), event))
        if not isinstance(event, Metrics):
            self._wake.put(None)

    def record(self, event: Event) -> None:
        """As `emit`, and the event is in the spool file before this returns."""
        if self._silent:
            return
        self._queue.append(Timed(time(), event))
        if isinstance(event, Status) and event.state in TERMINAL:
            with contextlib.suppress(Exception):  # a defect in draining; the thread that sends will tell
                self.flush()
        else:
            self._append([])
        self._wake.put(None)

    def flush(self) -> None:
        """Bring the metrics logged so far, and all that is queued, into the spool."""
        metrics: list[Event] = []
        with self._draining:
            try:
                metrics = self.desk.drain() if self.desk else []
            finally:
                self._append([Timed(time(), event) for event in metrics])

    def tidy(self) -> None:
        """Housekeeping, on the thread that sends."""
        self.spool.tidy()
        failure = self.spool.failure
        if failure and not self._told:
            self._told = True
            reason = failure.strerror or str(failure)
            self.emit(Notice("warning", "spool-failed", f"the spool file can't be written ({reason}). {_MEANWHILE}"))

    def wait(self, seconds: float) -> None:
        """Until there is something to send at once, at most so long."""
        try:
            self._wake.get(timeout=max(0.0, seconds))
            while True:
                self._wake.get_nowait()
        except Empty:
            return

    @property
    def empty(self) -> bool:
        """Everything that was emitted is acknowledged."""
        return not self._queue and self.spool.empty

    def wake(self) -> None:
        """End a waiting."""
        self._wake.put(None)

    def silence(self) -> None:
        """From now on nothing is taken any more. Needs no lock: also right in a forked child."""
        self._silent = True

    def _append(self, metrics: list[Timed]) -> None:
        with self._order:
            taken = [*metrics, *(self._queue.popleft() for _ in range(len(self._queue)))]
            if self._silent:
                return
            for events in portions(taken):
                try:
                    self.spool.append(events)
                except (TypeError, ValueError, RecursionError):
                    self.spool.append(encodable(events))


_MEANWHILE = (
    "Training goes on, and what it reports waits in memory; if that lasts, metric points are thinned. "
    "Make room on the disk that holds LIVESPARK_HOME"
)
