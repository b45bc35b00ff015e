"""What the answer to a command means to the one who asked."""

from typing import Any

from msgspec import UNSET

from livespark.client.values import decode
from livespark.errors import Busy, CallFailed, CommandRefused, OutcomeUnknown
from livespark.protocol.commands import Answer, Failure

__all__ = ("result",)


def result(answer: Answer) -> Any:
    """The value that an applied command came with, or None. Raises CommandRefused, Busy, CallFailed, OutcomeUnknown."""
    if answer.outcome == "refused":
        raise (Busy if answer.message.startswith("busy") else CommandRefused)(answer.message)
    if answer.outcome == "failed":
        raise _call_failed(answer.error or Failure("Exception", answer.message))
    if answer.outcome == "unknown":
        raise OutcomeUnknown(answer.message)
    return None if answer.value is UNSET else decode(answer.value)


def _call_failed(failure: Failure) -> CallFailed:
    text = f"{failure.type}: {failure.message}" if failure.message else failure.type
    return CallFailed(text, type_name=failure.type, traceback=failure.traceback)
