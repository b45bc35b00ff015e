"""A command inside the worker."""

import threading
from typing import Any

from msgspec import UNSET

from livespark.protocol.commands import Answer, Command, Delivery, Failure
from livespark.protocol.events import Answered, Started
from livespark.runtime.ports import Outbox

__all__ = ("Request",)


class Request:
    """A command and its one answer, from whichever thread the answer comes first.

    A command from the server (`delivery`) is reported as started and answered; one of the script's own controller
    only keeps its answer.
    """

    def __init__(self, command: Command, outbox: Outbox, delivery: Delivery | None = None) -> None:
        self.command = command
        self.answer: Answer | None = None
        self._outbox = outbox
        self._delivery = delivery
        self.started = False
        self._guard = threading.Lock()

    def start(self) -> None:
        """From here on the command counts as executed: it will never be started again."""
        if self._delivery and not self.started:
            self._outbox.record(Started(self._delivery.id, self._delivery.number))
        self.started = True

    def apply(self, step: int | None, value: Any = UNSET, message: str = "") -> None:
        self._answer(Answer("applied", step, value, message))

    def refuse(self, message: str, step: int | None = None, error: Failure | None = None) -> None:
        self._answer(Answer("refused", step, message=message, error=error))

    def fail(self, error: Failure, step: int | None = None) -> None:
        self._answer(Answer("failed", step, error=error))

    def give_up(self, message: str) -> None:
        self._answer(Answer("unknown", message=message))

    def _answer(self, answer: Answer) -> None:
        with self._guard:
            if self.answer is not None:
                return
            self.answer = answer
        if self._delivery:
            self._outbox.emit(Answered(self._delivery.id, self._delivery.number, answer))
