"""Signals to the terminal, counted: the first Ctrl-C asks, the second forces, the third leaves."""

import asyncio
import signal
from collections.abc import Callable
from types import TracebackType
from typing import Self

__all__ = ("Interrupts",)


class Interrupts:
    """While entered, SIGINT and SIGTERM go to `asked`, with how many there were; SIGHUP to `left`."""

    def __init__(self, asked: Callable[[int], None], left: Callable[[], None]) -> None:
        self.count = 0
        self._asked = asked
        self._handlers = {signal.SIGINT: self._interrupt, signal.SIGTERM: self._interrupt, signal.SIGHUP: left}

    def __enter__(self) -> Self:
        for number, handler in self._handlers.items():
            asyncio.get_running_loop().add_signal_handler(number, handler)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number in self._handlers:
            asyncio.get_running_loop().remove_signal_handler(number)

    def _interrupt(self) -> None:
        self.count += 1
        self._asked(self.count)
