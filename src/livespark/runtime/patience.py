"""The clock that runs while somebody waits for a checkpoint."""

import math
import threading
import time
from collections.abc import Callable

__all__ = ("Patience",)


class Patience:
    """Calls `ended(what)` once when `seconds` have passed between `begin(what)` and `end()`.

    One timer thread at the most, however often something is asked; none at all when the patience is infinite.
    """

    def __init__(self, seconds: float, ended: Callable[[str], None]) -> None:
        self.seconds = seconds
        self._ended = ended
        self._what = ""
        self._since: float | None = None
        self._ticking = False
        self._guard = threading.Lock()

    def begin(self, what: str) -> None:
        """Somebody waits. The clock does not start anew for a second one."""
        with self._guard:
            self._what = what
            if self._since is None:
                self._since = time.monotonic()
            if not self._ticking and math.isfinite(self.seconds):
                self._tick(self.seconds)

    def end(self) -> None:
        """Nobody waits any more."""
        with self._guard:
            self._since = None

    def _tick(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self._check)
        timer.name, timer.daemon = "livespark-patience", True
        timer.start()
        self._ticking = True

    def _check(self) -> None:
        with self._guard:
            self._ticking = False
            if self._since is None:
                return None
            left = self._since + self.seconds - time.monotonic()
            if left > 0:
                return self._tick(left)
            what, self._since = self._what, None
        return self._ended(what)
