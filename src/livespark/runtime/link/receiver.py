"""The thread that listens for commands: each number is delivered once, in order."""

import threading
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from livespark.protocol import codec
from livespark.protocol.commands import Answer, Delivery
from livespark.protocol.events import Answered, Notice
from livespark.protocol.ids import CommandId
from livespark.protocol.sse import Malformed as TooLarge
from livespark.protocol.sse import Message, Parser
from livespark.runtime.link.connection import Connection, Refused, Unreachable
from livespark.runtime.ports import Desk, Outbox
from livespark.transport.reconnect import Backoff, Decision, GiveUp, Reconnect

__all__ = ("Receiver",)

_LOOK: Final = 0.1
"""Seconds between two looks at the server's file while there is no connection."""


class _Watch(Struct):
    watchers: int


class _Envelope(Struct):
    """What can be read of a command that can't be read."""

    number: int
    id: CommandId


class Receiver(threading.Thread):
    """Listens until it is told to stop.

    `on_watch` gets the number of clients; `on_fenced` is called when a newer worker has taken the run over.
    """

    def __init__(
        self,
        connection: Connection,
        desk: Desk,
        outbox: Outbox,
        on_watch: Callable[[int], None],
        on_fenced: Callable[[], None],
        rules: Reconnect,
    ) -> None:
        super().__init__(name="livespark-receiver", daemon=True)
        self._connection = connection
        self._desk = desk
        self._outbox = outbox
        self._on_watch = on_watch
        self._on_fenced = on_fenced
        self._rules = rules
        self._backoff = Backoff(rules)
        self._last = 0
        self._told = False
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Listen no more."""
        self._stopped.set()
        self._connection.interrupt()

    def run(self) -> None:
        while not self._stopped.is_set():
            self._rest(self._listen())
        self._connection.close()

    def _listen(self) -> float:
        """Connect, and deliver until the stream ends; -> seconds to wait before the next attempt."""
        try:
            self._on_watch(self._connection.open().watchers)
            self._deliver_all()
            return self._delay(self._backoff.ended())
        except Unreachable as error:
            return self._delay(self._backoff.failed(str(error)))
        except Refused as refused:
            if refused.problem.status == 410:
                self._on_fenced()
            return self._delay(self._backoff.refused(refused.problem.status, refused.retry_after))
        except Exception as error:
            self._connection.close()
            if not self._told:
                self._told = True
                self._outbox.emit(Notice("error", "link-defect", f"the link for commands has a defect: {error!r:.500}"))
            return self._rules.maximum

    def _deliver_all(self) -> None:
        parser = Parser()
        for piece in self._connection.stream(f"/api/worker/commands?after={self._last}", self._rules.idle):
            if self._stopped.is_set():
                return
            self._backoff.received()
            try:
                messages = parser.feed(piece)
            except TooLarge as error:
                raise Unreachable(str(error)) from error
            for message in messages:
                self._take(message)

    def _take(self, message: Message) -> None:
        if message.event == "watch":
            watch: _Watch = codec.decode(message.data, _Watch)
            return self._on_watch(watch.watchers)
        try:
            delivery: Delivery = codec.decode(message.data, Delivery)
        except codec.Malformed as error:
            return self._refuse(codec.decode(message.data, _Envelope), str(error))
        return self._desk.deliver(delivery) if self._is_next(delivery.number) else None

    def _refuse(self, envelope: _Envelope, why: str) -> None:
        """Also a command of a newer server gets its answer."""
        if self._is_next(envelope.number):
            answer = Answer("refused", message=f"this worker's Livespark does not understand the command: {why}")
            self._outbox.emit(Answered(envelope.id, envelope.number, answer))

    def _is_next(self, number: int) -> bool:
        if number <= self._last:
            return False
        self._last = number
        return True

    def _delay(self, decision: Decision | GiveUp) -> float:
        """For ever: a server that does not want us today may tomorrow."""
        return self._rules.maximum if isinstance(decision, GiveUp) else decision.delay

    def _rest(self, delay: float) -> None:
        """Wait so long, or until another server is there."""
        for _ in range(max(1, round(delay / _LOOK))):
            if self._stopped.wait(min(delay, _LOOK)) or self._connection.moved:
                return
