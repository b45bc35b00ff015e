"""The runtime as the link's threads see it. Touches no user object."""

from livespark.errors import CommandRefused
from livespark.protocol.commands import Delivery, Reload
from livespark.protocol.events import Event
from livespark.protocol.live import LiveDelta, Loop
from livespark.runtime.bindings import Bindings
from livespark.runtime.calls import Calls
from livespark.runtime.core import Core
from livespark.runtime.journal import Journal
from livespark.runtime.progress import Progress, Rates
from livespark.runtime.reload import Reloader
from livespark.runtime.request import Request

__all__ = ("WorkerDesk",)


class WorkerDesk:
    """Implements `ports.Desk`."""

    def __init__(self, core: Core, journal: Journal, bindings: Bindings, calls: Calls, reloader: Reloader) -> None:
        self.watchers = 0
        self._core = core
        self._journal = journal
        self._bindings = bindings
        self._calls = calls
        self._reloader = reloader
        self._progress = Progress(core)
        self._pace = Rates()
        self._version = 0
        self._last: tuple[int | None, list[Loop], float | None] = (None, [], None)

    def deliver(self, delivery: Delivery) -> None:
        """A command has arrived: have it checked, note it for the training thread, or execute it at once."""
        request = Request(delivery.command, self._core.outbox, delivery)
        if isinstance(delivery.command, Reload):
            try:
                self._reloader.prepare()
            except CommandRefused as refused:
                return request.refuse(str(refused), self._core.step())
        return None if self._calls.divert(request) else self._core.ask(request)

    def watch(self, watchers: int) -> None:
        """How many clients watch; a first one wants to see something soon."""
        if watchers > self.watchers:
            self._core.ask_sample()
        self.watchers = watchers

    def request_sample(self) -> None:
        self._core.ask_sample()

    def drain(self) -> list[Event]:
        return [*self._journal.drain()]

    def delta(self, *, full: bool) -> LiveDelta | None:
        """What changed since the last call, None if nothing did."""
        exposed = self._bindings.delta(full=full)
        full = full or (exposed is not None and exposed.full)
        step, loops = self._core.step(), self._progress.loops()
        speed = None if step is None else self._pace.look("step", step)
        last, self._last = self._last, (step, loops, speed)
        if exposed is None and not full and last == self._last:
            return None
        self._version += 1
        return LiveDelta(
            version=self._version,
            full=full,
            step=step,
            values=exposed.values if exposed else {},
            dropped=exposed.dropped if exposed else [],
            fields=exposed.fields if exposed else None,
            functions=exposed.functions if exposed else None,
            loops=loops if full or loops != last[1] else None,
            steps_per_second=speed,
        )
