"""SIGTERM and Ctrl-C: stop at the next checkpoint, with a snapshot. A second Ctrl-C interrupts, as Python does."""

import _thread
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

__all__ = ("Signals",)

_STOPS: Final = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """Handlers that ask for a stop. The main thread may hold any lock when a signal comes, so another thread asks.

    `stop`: the person at the terminal wants it; `terminate`: somebody outside does, who may start the run again.
    """

    def __init__(self, stop: Callable[[], None], terminate: Callable[[], None]) -> None:
        self._stop = stop
        self._terminate = terminate
        self._before: dict[signal.Signals, Any] = {}
        self._interrupted = False

    def install(self) -> None:
        """On the main thread."""
        self._before = {number: signal.signal(number, self._handle) for number in _STOPS}

    def restore(self) -> None:
        """Put back what was there before, where the script has not set a handler of its own."""
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and self._interrupted:
            raise KeyboardInterrupt
        self._interrupted = self._interrupted or number == signal.SIGINT
        _thread.start_new_thread(self._terminate if number == signal.SIGTERM else self._stop, ())
