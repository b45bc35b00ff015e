"""The seams of the runtime.

Between the training thread's half of the worker and the link's threads: the runtime knows an `Outbox`, the link knows a
`Desk`. Attached, `attach` connects the two; detached, there is a `SilentOutbox` and nobody at the desk's other side.
Between the core and the reload of code: the core knows `Reloads`; between it and saved state: `Snapshots`.
"""

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

from livespark.protocol.commands import Delivery, Failure
from livespark.protocol.events import Event
from livespark.protocol.live import LiveDelta
from livespark.protocol.snapshots import Cause

if TYPE_CHECKING:
    from livespark.runtime.request import Request

__all__ = ("Desk", "Due", "NoReloader", "NoSnapshots", "Outbox", "Reloads", "SilentOutbox", "Snapshots", "Verdict")


Due: TypeAlias = Cause | Literal["memory"]
"""Why a snapshot is due; `memory`: one that is kept in host memory alone."""


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


class Snapshots(Protocol):
    """What the core asks of those who save state. Training thread."""

    def take(self, requests: list["Request"], cause: Due) -> None:
        """Copy the run's state, and have it written; the `requests` for it are answered when it is. Never raises."""

    def farewell(self, cause: Cause | None) -> None:
        """The run is about to end: as `take` (None: take none), for those who have asked since the last checkpoint,
        too; and wait until all is written."""

    def rewind(self, request: "Request") -> bool:
        """Put the state of a snapshot back: at once, or, if True, as soon as the script has been unwound.

        A request that can't be met has been refused. Never raises.
        """

    def unwound(self) -> None:
        """The script has been unwound, and is about to run again."""

    def reached(self, error: Failure | None = None) -> None:
        """The script that runs again has come to its first checkpoint, its end, or an `error` that holds it."""


class NoSnapshots:
    """Where nothing is saved: in a detached script."""

    def take(self, requests: list["Request"], cause: Due) -> None:  # noqa: ARG002 - the protocol's
        for request in requests:
            request.refuse("nothing is saved here: start the script with `livespark dev` or `livespark run`")

    def farewell(self, cause: Cause | None) -> None: ...

    def rewind(self, request: "Request") -> bool:
        request.refuse("there are no snapshots here")
        return False

    def unwound(self) -> None: ...

    def reached(self, error: Failure | None = None) -> None: ...


class SilentOutbox:
    """The outbox of a detached script: nobody listens."""

    def emit(self, event: Event) -> None: ...

    def record(self, event: Event) -> None: ...
