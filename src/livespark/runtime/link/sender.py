"""The thread that reports: spool to server, live document, samples in time.

One turn brings what was logged and queued into the spool, then sends what the server has not acknowledged, about a
megabyte at a time, and the newest change of the live document with it. Events that are no metrics start a turn at once.
"""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Final

import msgspec

from livespark.protocol import codec
from livespark.protocol.events import Notice, Receipt, Welcome
from livespark.runtime.link.backlog import Backlog
from livespark.runtime.link.connection import Connection, Refused, Unreachable
from livespark.runtime.link.outgoing import Outgoing
from livespark.runtime.ports import Desk
from livespark.transport.reconnect import Backoff, Decision, GiveUp, Reconnect

__all__ = ("RULES", "Sender")

RULES: Final = Reconnect(initial=0.1, factor=2.0, maximum=5.0, jitter=0.25, idle=45.0)

_WATCHED: Final = 0.1
_UNWATCHED: Final = 0.25
"""Seconds between two turns, while there is nothing urgent."""

_SELDOM: Final = 1.0
"""Seconds between two samples, and two changes of the live document, that nobody watches."""

_PRESENCE: Final = 10.0
"""Seconds of silence after which an empty report says that we are there."""

_CONTENT: Final = frozenset({400, 413, 415, 422})


class _Report(msgspec.Struct, omit_defaults=True):
    """`protocol.events.Report` with batches that are JSON already."""

    incarnation: int
    batches: list[msgspec.Raw] = []
    live: msgspec.Raw | None = None


class Sender(threading.Thread):
    """Reports until it is told to finish. `on_fenced` is called once when a newer worker has taken the run over."""

    def __init__(
        self,
        incarnation: int,
        connection: Connection,
        outgoing: Outgoing,
        desk: Desk,
        on_fenced: Callable[[], None],
        rules: Reconnect = RULES,
    ) -> None:
        super().__init__(name="livespark-sender", daemon=True)
        self.watchers = 0
        self._incarnation = incarnation
        self._connection = connection
        self._outgoing = outgoing
        self._backlog = Backlog(outgoing.spool)
        self._desk = desk
        self._on_fenced = on_fenced
        self._rules = rules
        self._backoff = Backoff(rules)
        self._turn_at = self._retry_at = self._sample_at = self._live_at = self._presence_at = 0.0
        self._full = True
        self._fenced = False
        self._deadline: float | None = None
        self._shown_at_the_end = False
        self._told: set[str] = set()

    def finish(self, deadline: float) -> None:
        """Send the rest and end, at the latest at `deadline` (monotonic seconds)."""
        self._deadline, self._retry_at = deadline, 0.0
        self._outgoing.wake()

    def watch(self, watchers: int) -> None:
        """So many clients watch now. From both threads of the link."""
        if watchers != self.watchers:
            self.watchers = watchers
            self._desk.watch(watchers)
            self._sample_at = self._live_at = self._turn_at = 0.0
            self._outgoing.wake()

    def fence(self) -> None:
        """A newer incarnation of the worker has the run: say no more. From both threads of the link."""
        if not self._fenced:
            self._fenced = True
            self._tell("fenced", "another worker has taken this run over; this one is not heard any more")
            self._outgoing.flush()
            self._on_fenced()

    def run(self) -> None:
        while not self._is_over():
            self._outgoing.wait(self._turn_at - monotonic())
            try:
                self._turn()
            except Exception as error:
                self._tell("link-defect", f"the link to the server has a defect: {error!r:.500}")
                self._postpone(self._rules.maximum)
        self._connection.close()

    def _is_over(self) -> bool:
        if self._deadline is None:
            return False
        said_all = self._shown_at_the_end and self._outgoing.empty
        return said_all or self._fenced or monotonic() > self._deadline

    def _turn(self) -> None:
        now = monotonic()
        self._turn_at = now + (_WATCHED if self.watchers else _UNWATCHED)
        self._outgoing.flush()
        self._outgoing.tidy()
        if not self._fenced and (now >= self._retry_at or self._connection.moved):
            self._talk()
        if now >= self._sample_at:
            self._sample_at = now + (_WATCHED if self.watchers else _SELDOM)
            self._desk.request_sample()

    def _talk(self) -> None:
        try:
            if not self._connection.is_open or self._connection.moved:
                self._greet(self._connection.open())
            self._report()
        except Unreachable as error:
            self.watch(0)
            self._disappointed(str(error), self._backoff.failed(str(error)))
        except Refused as refused:
            self._handle(refused)

    def _greet(self, welcome: Welcome) -> None:
        self._full, self._live_at = True, 0.0
        self._backlog.align(welcome.acknowledged)
        self.watch(welcome.watchers)

    def _report(self) -> None:
        newest, batches, now = self._outgoing.spool.last, self._backlog.next(), monotonic()
        live = self._changes(now)
        if not batches and live is None and now < self._presence_at:
            return
        was_full, self._full = self._full, self._full or live is not None
        body = codec.encode(_Report(self._incarnation, list(map(msgspec.Raw, batches)), live))
        receipt = self._connection.post("/api/worker/report", body, Receipt, self._outgoing.flush)
        self._backoff.received()
        self._presence_at = monotonic() + _PRESENCE
        self._backlog.align(receipt.acknowledged)
        if live is not None:
            self._full = receipt.resync
            self._shown_at_the_end = self._deadline is not None
        self.watch(receipt.watchers)
        if receipt.resync and not was_full:
            self._live_at = self._turn_at = 0.0
        if receipt.acknowledged < newest:
            self._turn_at = 0.0

    def _changes(self, now: float) -> msgspec.Raw | None:
        """JSON of what changed in the live document, if it is time to look."""
        if now < self._live_at and self._deadline is None:
            return None
        self._live_at = now + (_WATCHED * 0.8 if self.watchers else _SELDOM)
        changes = self._look()
        if changes is None and self._deadline is not None:
            self._shown_at_the_end = True
        return changes

    def _look(self) -> msgspec.Raw | None:
        """What can't be looked at, or written as JSON, must not keep the events from the server."""
        try:
            delta = self._desk.delta(full=self._full)
            return None if delta is None else msgspec.Raw(codec.encode(delta))
        except Exception as error:
            self._full = True
            self._tell("live-defect", f"what the run shows right now can't be sent: {error!r:.500}")
            return None

    def _handle(self, refused: Refused) -> None:
        problem = refused.problem
        if problem.status == 410:
            self.fence()
        elif problem.code == "batch-gap":
            news = self._backlog.close_gap(problem.data)
            self._postpone(0.0 if news else self._rules.maximum)
        elif problem.status in _CONTENT and self._backlog.lighten(problem.detail):
            self._turn_at, self._live_at = 0.0, monotonic() + _PRESENCE
        else:
            self._disappointed(str(refused), self._backoff.refused(problem.status, refused.retry_after), problem.code)

    def _disappointed(self, why: str, decision: Decision | GiveUp, code: str = "") -> None:
        """Try again later, for ever: training goes on meanwhile."""
        if isinstance(decision, GiveUp):
            self._tell(f"refused-{code}", f"the server does not take what this worker reports: {why}")
        self._postpone(decision.delay if isinstance(decision, Decision) else self._rules.maximum)

    def _postpone(self, delay: float) -> None:
        """Not before so many seconds; sooner when the end is near."""
        self._full = True
        self._retry_at = monotonic() + (delay if self._deadline is None else min(delay, _UNWATCHED))

    def _tell(self, code: str, text: str) -> None:
        """A notice, once."""
        if code not in self._told:
            self._told.add(code)
            self._outgoing.emit(Notice("error", code, text))
