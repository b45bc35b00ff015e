"""Saved state at the checkpoints: what is asked of those who save it (`ports.Snapshots`), and when."""

from livespark.protocol.snapshots import Cause
from livespark.runtime.ports import Due
from livespark.runtime.request import Request
from livespark.runtime.state import State

__all__ = ("Saving",)


class Saving(State):
    """The part of the core that sees to snapshots."""

    def ask_snapshot(self, cause: Due) -> None:
        """The next checkpoint between two items shall take a snapshot. Any thread."""
        with self.changed:
            if cause != "memory" or self.snapshot_due is None:
                self.snapshot_due = cause
                self.put_off = self.put_off or (self.saving and cause != "memory")
            self.wake()

    def begin_saving(self) -> None:
        """A snapshot is being written: the next one waits."""
        with self.changed:
            self.saving = True
            self.refresh()

    def end_saving(self) -> None:
        """It has been written. Any thread."""
        with self.changed:
            self.saving = False
            self.wake()

    def take_snapshot(self, _loop: object) -> None:
        """One is due. Training thread."""
        with self.changed:
            requests: list[Request] = []
            if not self.saving:
                requests, self.snapshot_asks = self.snapshot_asks, []
            cause, self.snapshot_due = self.snapshot_due, None
            self.refresh()
        self.snapshots.take(requests, "asked" if requests or cause is None else cause)
        if cause != "memory":
            self.put_off = False

    def rewind(self, request: Request, _loop: object) -> None:
        """Go back, or see to it that the script is unwound first. Training thread."""
        if self.snapshots.rewind(request):
            with self.changed:
                self.rewinding = request
                self.refresh()

    def note_termination(self) -> None:
        """Somebody outside wants this process to end; a stop is about to be asked. Any thread."""
        with self.changed:
            self.terminated = True
            self.farewell = "taken" if self.farewell == "taken" else "signal"

    @property
    def last_cause(self) -> Cause | None:
        """Why a snapshot is still to be taken because of a stop. None after that: what the script does while it
        unwinds is not where it can go on from exactly."""
        return None if self.farewell == "taken" else self.farewell

    def last_asks(self) -> list[Request]:
        """Who has asked for a snapshot behind the last checkpoint there was. Training thread."""
        with self.changed:
            requests, self.snapshot_asks = self.snapshot_asks, []
            return requests
