"""The runtime as the link's threads see it. Touches no user object."""

from typing import TYPE_CHECKING

from livespark.errors import CommandRefused
from livespark.protocol.commands import Delivery, Reload
from livespark.protocol.events import Event
from livespark.protocol.live import LiveDelta
from livespark.protocol.snapshots import InMemory
from livespark.runtime.bindings import Bindings
from livespark.runtime.calls import Calls
from livespark.runtime.core import Core
from livespark.runtime.failure import describe
from livespark.runtime.journal import Journal
from livespark.runtime.progress import Pace, Progress
from livespark.runtime.reload.preparation import Unfit
from livespark.runtime.reload.reloader import Reloader
from livespark.runtime.request import Request

if TYPE_CHECKING:
    from livespark.runtime.snapshots.snapshots import Snapshots

__all__ = ("WorkerDesk",)


class WorkerDesk:
    """Implements `ports.Desk`."""

    def __init__(
        self,
        core: Core,
        journal: Journal,
        bindings: Bindings,
        calls: Calls,
        reloader: Reloader,
        snapshots: "Snapshots | None" = None,
    ) -> None:
        self.watchers = 0
        self._core = core
        self._journal = journal
        self._bindings = bindings
        self._calls = calls
        self._reloader = reloader
        self._progress = Progress(core)
        self._version = 0
        self._snapshots = snapshots
        self._memory: list[InMemory] = []
        self._last = Pace(None, [], None)

    def deliver(self, delivery: Delivery) -> None:
        """A command has arrived: have it checked, note it for the training thread, or execute it at once."""
        request = Request(delivery.command, self._core.outbox, delivery)
        try:
            self._take(request)
        except Unfit as unfit:
            request.refuse(str(unfit), self._core.step(), unfit.failure)
        except CommandRefused as refused:
            request.refuse(str(refused), self._core.step())
        except Exception as error:  # a defect, or no thread to be had: whoever asked is told
            request.fail(describe(error), self._core.step())

    def _take(self, request: Request) -> None:
        if isinstance(request.command, Reload):
            self._reloader.ask(request.command)
        if not self._calls.divert(request):
            self._core.ask(request)

    def watch(self, watchers: int) -> None:
        """How many clients watch; a first one wants to see something soon."""
        if watchers > self.watchers:
            self._core.ask_sample()
        self.watchers = watchers

    def request_sample(self) -> None:
        self._core.ask_sample()
        if self._snapshots:
            self._snapshots.tick()

    def drain(self) -> list[Event]:
        return [*self._journal.drain()]

    def delta(self, *, full: bool) -> LiveDelta | None:
        """What changed since the last call, None if nothing did."""
        exposed = self._bindings.delta(full=full)
        full = full or (exposed is not None and exposed.full)
        last, self._last = self._last, self._progress.look()
        before, self._memory = self._memory, self._in_memory()
        if exposed is None and not full and last == self._last and before is self._memory:
            return None
        self._version += 1
        return LiveDelta(
            version=self._version,
            full=full,
            step=self._last.step,
            values=exposed.values if exposed else {},
            dropped=exposed.dropped if exposed else [],
            fields=exposed.fields if exposed else None,
            functions=exposed.functions if exposed else None,
            loops=self._last.loops if full or self._last.loops != last.loops else None,
            memory=self._memory if (full and self._memory) or before is not self._memory else None,
            steps_per_second=self._last.speed,
        )

    def _in_memory(self) -> list[InMemory]:
        """The same list while nothing changes."""
        return self._snapshots.in_memory if self._snapshots else self._memory
