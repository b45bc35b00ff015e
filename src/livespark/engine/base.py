"""The port through which the service has runs executed. An engine starts, observes and ends processes; it decides
nothing."""

from collections.abc import Iterator
from typing import Protocol, TypeAlias

from msgspec import Struct

from livespark.errors import LivesparkError
from livespark.protocol.events import Batch
from livespark.protocol.ids import RunId
from livespark.protocol.runs import Launch
from livespark.protocol.stream import Output
from livespark.snapshots.folder import Folder

__all__ = ("Alive", "Engine", "EngineError", "Exited", "Gone", "Observation")


class EngineError(LivesparkError):
    """The run could not be started; the text says why and what to do."""


class Alive(Struct, frozen=True):
    """The process runs (or is about to). `pid` is the worker's once known."""

    pid: int | None = None


class Exited(Struct, frozen=True):
    """The process has ended with this exit status; negative for a signal."""

    code: int


class Gone(Struct, frozen=True):
    """The process does not exist any more, and nobody knows how it ended. `restarted`: the machine was, since then."""

    restarted: bool = False


Observation: TypeAlias = Alive | Exited | Gone


class Engine(Protocol):
    """All methods return quickly; those that touch files may be called from a worker thread."""

    def start(self, launch: Launch) -> None:
        """Start the run's process and return once it is under way; it outlives this process. What earlier incarnations
        left in their spools must have been committed; it goes. Raises EngineError."""

    def observe(self, run: RunId) -> Observation:
        """How the run's newest incarnation is."""

    def signal(self, run: RunId, signal: int) -> bool:
        """Send a signal to the run's whole process group; False when there is none any more."""

    def output(self, run: RunId, after: int, limit: int, *, settled: bool = False) -> list[Output]:
        """What the run wrote from byte offset `after` on, about `limit` bytes at the most; [] when there is no more
        (yet). `settled`: the run has ended, so nothing is kept back for what might follow."""

    def leftovers(self, run: RunId) -> Iterator[tuple[int, Batch]]:
        """`(incarnation, batch)` that a dead worker left in its spool, in order, acknowledged ones included."""

    def snapshots(self, run: RunId) -> Folder:
        """The run's snapshots, of all its incarnations. They stay when the run is forgotten."""

    def forget(self, run: RunId) -> None:
        """The run's end is committed: what only served its recovery (spool, secrets) may go. The output stays."""
