"""Which batches go into the next report, whatever the server has to say about the last one. No I/O but the spool's."""

from time import time
from typing import Final

from livespark.protocol import codec
from livespark.protocol.events import Batch, Notice, Timed
from livespark.runtime.link.lighten import lightened
from livespark.transport.spool import Spool

__all__ = ("Backlog",)

_BODY: Final = 900_000
"""Bytes of batches in one report; a single batch may be larger."""

_FILLERS: Final = 1000


class Backlog:
    """The spool as the server wants it: in order, without holes, nothing larger than it takes."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._expected = 1
        self._one_at_a_time = False
        self._lighter: dict[int, bytes] = {}

    def next(self) -> list[bytes]:
        """JSON of the next batches; [] when everything is acknowledged."""
        if self._expected < self._spool.first:
            return _fillers(self._expected, self._spool.first)
        payloads = self._spool.pending(1 if self._one_at_a_time else _BODY)
        return [self._lighter.get(number, payload) for number, payload in enumerate(payloads, self._spool.first)]

    def align(self, acknowledged: int) -> None:
        """The server has all batches up to this one."""
        self._expected = acknowledged + 1
        self._one_at_a_time = False
        self._spool.acknowledge(acknowledged)
        self._lighter = {number: payload for number, payload in self._lighter.items() if number > acknowledged}

    def close_gap(self, data: object) -> bool:
        """The server misses a batch, `{"expected": number}`. False if that is no news: trying again is no use."""
        expected = data.get("expected") if isinstance(data, dict) else None
        if not isinstance(expected, int) or expected < 1 or expected == self._expected:
            return False
        self.align(expected - 1)
        return True

    def lighten(self, why: str) -> bool:
        """The server can't take what it got: find the batch, then say less. False if that was not the reason."""
        if not self._one_at_a_time:
            self._one_at_a_time = True
            return True
        number, payloads = self._spool.first, self._spool.pending(1)
        if not payloads or number in self._lighter:
            return False
        batch: Batch = codec.decode(payloads[0], Batch)
        self._lighter[number] = codec.encode(Batch(number, lightened(batch.events, why)))
        return True


def _fillers(first: int, end: int) -> list[bytes]:
    """Batches in place of those that neither the server has nor we."""
    text = (
        f"events are lost (batches {first} to {end - 1}): either the spool file was damaged, or the server's database "
        "was put back to an earlier state"
    )
    lost = [Timed(time(), Notice("error", "events-lost", text))]
    numbers = range(first, min(end, first + _FILLERS))
    return [codec.encode(Batch(number, lost if number == end - 1 else [])) for number in numbers]
