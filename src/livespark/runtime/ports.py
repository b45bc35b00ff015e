"""The seam between the training thread's half of the worker and the link's threads.

The runtime knows an `Outbox`; the link knows a `Desk`. Attached, `attach` connects the two; detached, there is a
`SilentOutbox` and nobody at the desk's other side.
"""

from typing import Protocol

from livespark.protocol.commands import Delivery
from livespark.protocol.events import Event
from livespark.protocol.live import LiveDelta

__all__ = ("Desk", "Outbox", "SilentOutbox")


class Outbox(Protocol):
    """Where the runtime puts what it has to say. Any thread; never waits for the network; never raises."""

    def emit(self, event: Event) -> None:
        """Queue `event` behind all earlier ones; sent with the next batch, at once if it is no metric."""

    def record(self, event: Event) -> None:
        """As `emit`, and the event is in the spool file (survives SIGKILL) before this returns."""


class Desk(Protocol):
    """What the link's threads need of the runtime. Each method returns quickly and touches no user object."""

    def deliver(self, delivery: Delivery) -> None:
        """A command has arrived, each number once, in order."""

    def watch(self, watchers: int) -> None:
        """So many clients watch now: samples are wanted often, or seldom."""

    def request_sample(self) -> None:
        """The next checkpoint shall take a sample of the exposed values."""

    def drain(self) -> list[Event]:
        """The metrics logged since the last call, as columnar events; at most one caller."""

    def delta(self, *, full: bool) -> LiveDelta | None:
        """What changed in the live document since the last call (`full`: all of it), None if nothing; at most one
        caller."""


class SilentOutbox:
    """The outbox of a detached script: nobody listens."""

    def emit(self, event: Event) -> None: ...

    def record(self, event: Event) -> None: ...
