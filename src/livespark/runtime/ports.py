"""The seams of the runtime.

Between the training thread's half of the worker and the link's threads: the runtime knows an `Outbox`, the link knows a
`Desk`. Attached, `attach` connects the two; detached, there is a `SilentOutbox` and nobody at the desk's other side.
Between the core and the reload of code: the core knows `Reloads`.
"""

from typing import NamedTuple, Protocol

from livespark.protocol.commands import Delivery, Failure
from livespark.protocol.events import Event
from livespark.protocol.live import LiveDelta

__all__ = ("Desk", "NoReloader", "Outbox", "Reloads", "SilentOutbox", "Verdict")


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


class Verdict(NamedTuple):
    """What became of a reload. `hard`: the script has to unwind. `value` and `message` are for whoever asked."""

    hard: bool
    value: dict[str, object] | None = None
    message: str = ""


class Reloads(Protocol):
    """What the core asks of the reloader at its checkpoints."""

    def attempt(self, *, at_rest: bool) -> Verdict:
        """Do what has been asked, if it can be done in place. Raises CommandRefused; then nothing has happened."""

    def unwinding(self) -> bool:
        """The script is about to unwind, and to run again. -> whether with what was asked for, or else as before."""

    def reached(self, error: Failure | None = None) -> Verdict:
        """The script that runs again has come to its first checkpoint, its end, or an `error` that holds it."""

    def passed(self) -> str:
        """A checkpoint of code on probation. -> why it has to be taken back; empty if it has not."""

    def entering(self, loop: object) -> None:
        """A loop is about to give its next item."""


class NoReloader:
    """Where there is no program whose code could be replaced: a reload runs the script again."""

    def attempt(self, *, at_rest: bool) -> Verdict:  # noqa: ARG002 - the protocol's
        return Verdict(hard=True)

    def unwinding(self) -> bool:
        return True

    def reached(self, error: Failure | None = None) -> Verdict:  # noqa: ARG002
        return Verdict(hard=True)

    def passed(self) -> str:
        return ""

    def entering(self, loop: object) -> None: ...


class SilentOutbox:
    """The outbox of a detached script: nobody listens."""

    def emit(self, event: Event) -> None: ...

    def record(self, event: Event) -> None: ...
