"""When to connect again, and when to give up: decisions without clock, socket or sleep.

A stream that delivered anything, a heartbeat included, and then ended or broke is connected again after the base delay,
and that does not count. A connection error, a status worth another try, and a stream without a byte do count:
`initial * factor**n`, jittered, never more than `maximum`. Anything received resets the count.
"""

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from random import Random
from typing import Final, NamedTuple

from livespark.errors import UsageError

__all__ = ("Backoff", "Decision", "GiveUp", "Reconnect", "own_uniform", "retry_after", "worth_another_try")

own_uniform: Final = Random().random
"""From 0 to 1. Of a generator of our own: waiting must take nothing from the random numbers of a script."""

_RETRYABLE: Final = frozenset({408, 425, 429})


@dataclass(frozen=True)
class Reconnect:
    """The rules. Delays in seconds; `jitter` is the fraction by which a delay varies, up or down; `attempts`: how many
    failures in a row are tried again (None: for ever); `idle`: so many seconds without a byte are a broken connection.
    """

    initial: float = 1.0
    factor: float = 2.0
    maximum: float = 60.0
    jitter: float = 0.25
    attempts: int | None = None
    idle: float = 45.0

    def __post_init__(self) -> None:
        if not (0 <= self.initial <= self.maximum and self.factor >= 1 and 0 <= self.jitter <= 1 and self.idle > 0):
            raise UsageError(
                f"{self} makes no sense: 0 <= initial <= maximum, factor >= 1, 0 <= jitter <= 1 and idle > 0 must hold"
            )
        if self.attempts is not None and self.attempts < 0:
            raise UsageError(f"{self} makes no sense: attempts is a number from 0, or None for ever")


class Decision(NamedTuple):
    """Connect again after `delay` seconds."""

    delay: float


class GiveUp(NamedTuple):
    """Do not connect again: `reason` is a sentence, `status` the HTTP status that ended it, if one did."""

    reason: str
    status: int | None = None


class Backoff:
    """What to do after each disappointment. Tell it what happens to the connection; it never waits itself."""

    def __init__(self, policy: Reconnect, uniform: Callable[[], float] = own_uniform) -> None:
        self.failures = 0
        """Counted failures since something was received."""
        self._policy = policy
        self._random = uniform
        self._received = False

    def received(self) -> None:
        """Bytes have arrived on the stream, or a request was answered with success."""
        self.failures = 0
        self._received = True

    def ended(self) -> Decision | GiveUp:
        """The stream ended in good order."""
        return self.failed("the stream ended without a byte")

    def failed(self, reason: str) -> Decision | GiveUp:
        """The connection could not be made, or it broke."""
        if self._received:
            self._received = False
            return Decision(self._policy.initial)
        return self._count(reason)

    def refused(self, status: int, retry_after: float | None = None) -> Decision | GiveUp:
        """The server answered with a status other than success. `retry_after`: seconds, where the answer named them."""
        self._received = False
        if not worth_another_try(status):
            return GiveUp(f"the server answered with status {status}", status)
        return self._count(f"the server answered with status {status}", status, retry_after or 0.0)

    def _count(self, reason: str, status: int | None = None, at_least: float = 0.0) -> Decision | GiveUp:
        if self._policy.attempts is not None and self.failures >= self._policy.attempts:
            return GiveUp(reason, status)
        delay = max(self._delay(), at_least)
        self.failures += 1
        return Decision(min(delay, self._policy.maximum))

    def _delay(self) -> float:
        policy = self._policy
        try:
            delay = policy.initial * policy.factor**self.failures
        except OverflowError:
            return policy.maximum
        return delay * (1.0 + policy.jitter * (2.0 * self._random() - 1.0))


def worth_another_try(status: int) -> bool:
    """Whether the same request may succeed later. 204 and 404, for example, are final."""
    return status in _RETRYABLE or 500 <= status <= 599


def retry_after(header: str | None, now: float) -> float | None:
    """The seconds a `Retry-After` header asks for, in seconds or by a date; None where it is missing or nonsense."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None
