"""The link as the rest of the worker sees it."""

from pathlib import Path
from time import monotonic

from livespark.protocol.events import Event
from livespark.protocol.runs import Launch
from livespark.runtime.link.connection import Connection
from livespark.runtime.link.outgoing import Outgoing
from livespark.runtime.link.receiver import Receiver
from livespark.runtime.link.sender import RULES, Sender
from livespark.runtime.ports import Desk
from livespark.transport.reconnect import Reconnect
from livespark.transport.spool import Spool

__all__ = ("Link",)


class Link:
    """Implements `ports.Outbox`. What is said before `start` waits in the queue.

    `spool_limit`: bytes of unacknowledged batches above which metric rows are thinned. `timeout`: seconds for answers.
    """

    def __init__(
        self, launch: Launch, run_dir: Path, *, spool_limit: int, rules: Reconnect = RULES, timeout: float = 10.0
    ) -> None:
        spool = Spool(run_dir / f"spool-{launch.incarnation}", limit=spool_limit)
        self._incarnation = launch.incarnation
        self._outgoing = Outgoing(spool)
        self._connections = (Connection(launch, timeout=timeout), Connection(launch, timeout=timeout))
        self._rules = rules
        self._threads: tuple[Sender, Receiver] | None = None

    def emit(self, event: Event) -> None:
        """Queue `event` behind all earlier ones; sent with the next batch, at once if it is no metric."""
        self._outgoing.emit(event)

    def record(self, event: Event) -> None:
        """As `emit`, and the event is in the spool file (survives SIGKILL) before this returns."""
        self._outgoing.record(event)

    def start(self, desk: Desk) -> None:
        """Start both threads. They ask `desk`, and tell it what comes in."""
        self._outgoing.desk = desk
        to_report, to_listen = self._connections
        sender = Sender(self._incarnation, to_report, self._outgoing, desk, self._outgoing.silence, self._rules)
        receiver = Receiver(to_listen, desk, self._outgoing, sender.watch, sender.fence, self._rules)
        self._threads = (sender, receiver)
        sender.start()
        receiver.start()

    def close(self, timeout: float) -> bool:
        """Send what is left, at most `timeout` seconds long; -> whether the server has acknowledged everything.

        What remains stays in the spool, for the engine to find. The link takes nothing any more.
        """
        if self._threads is not None:
            sender, receiver = self._threads
            receiver.stop()
            sender.finish(monotonic() + timeout)
            sender.join(timeout + 1.0)
            self._threads = None
        self._outgoing.flush()
        self._outgoing.silence()
        acknowledged = self._outgoing.spool.empty
        self._outgoing.spool.close()
        return acknowledged

    def abandon(self) -> None:
        """In a forked child, where the threads do not exist: let go of sockets and files, and fall silent. No locks."""
        self._outgoing.silence()
        self._threads = None
        for connection in self._connections:
            connection.abandon()
        self._outgoing.spool.close()
