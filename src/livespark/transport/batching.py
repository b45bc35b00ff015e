"""The shape of event batches: cut to a bearable size, thinned and merged when they must shrink. Pure.

Thinning keeps one metric row of `stride` and leaves a `Thinned` event behind that says how many rows went, between
which steps. Rows that were thinned before are thinned further only as far as the stride asks, so old and new rows lie
equally dense. Nothing but metric rows is ever dropped. Batches that the server may have seen keep number and borders;
later ones are merged, so that thinning also gets rid of the batches' own weight. Numbers stay dense.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Final

from livespark.protocol import codec
from livespark.protocol.events import Batch, Event, Metrics, Reloaded, Source, Thinned, Timed

__all__ = ("Compactor", "portions")

_CELLS: Final = 25_000
"""Numbers in one batch: about half a megabyte of JSON."""

_CELL: Final = 20
"""Bytes of a number."""

_MERGED: Final = 64 * 1024
"""Merged batches are about this large, in bytes before thinning."""


def portions(events: Iterable[Timed]) -> Iterator[list[Timed]]:
    """`events` in order, in groups of which each makes a batch well under a megabyte (a huge event stays whole)."""
    group: list[Timed] = []
    room = _CELLS
    for timed in _cut(events):
        size = _cells(timed)
        if group and size > room:
            yield group
            group, room = [], _CELLS
        group.append(timed)
        room -= size
    if group:
        yield group


class Compactor:
    """One pass over batches, in order, that thins and merges them.

    `first` is the first batch's number; batches up to number `offered` keep their borders.
    """

    def __init__(self, first: int, offered: int, stride: int) -> None:
        self.dropped = 0
        """Metric rows dropped so far."""
        self.last = first - 1
        """Number of the last batch put out."""
        self._offered = offered
        self._stride = stride
        self._row = 0
        self._time = 0.0
        self._events: list[Timed] = []
        self._gaps: list[Thinned] = []
        self._size = 0

    def take(self, payload: bytes) -> list[bytes]:
        """The batches (as JSON, like `payload`) that are complete now."""
        batch: Batch = codec.decode(payload, Batch)
        self._thin(batch.events)
        self._size += len(payload)
        return self.finish() if batch.number <= self._offered or self._size >= _MERGED else []

    def finish(self) -> list[bytes]:
        """What is left at the end."""
        if not self._size:
            return []
        self.last += 1
        if self._gaps:
            self._events.append(Timed(self._time, _sum(self._gaps)))
        done = codec.encode(Batch(self.last, self._events))
        self._events, self._gaps, self._size = [], [], 0
        return [done]

    def _thin(self, events: list[Timed]) -> None:
        every = max(1, round(self._stride / _thinness(events)))
        self._time = max([self._time, *(timed.time for timed in events)])
        for timed in events:
            if isinstance(timed.event, Thinned):
                self._gaps.append(timed.event)
            elif not isinstance(timed.event, Metrics):
                self._events.append(timed)
            elif rest := self._keep(timed.event, every):
                self._events.append(Timed(timed.time, rest))

    def _keep(self, metrics: Metrics, every: int) -> Metrics | None:
        """Each `every`th row, counted on from the last event; what goes is noted in `_gaps`."""
        gone = [step for row, step in enumerate(metrics.steps, self._row) if row % every]
        keep = slice(-self._row % every, None, every)
        self._row += len(metrics.steps)
        if not gone:
            return metrics
        self.dropped += len(gone)
        self._gaps.append(Thinned(len(gone), min(gone), max(gone)))
        return _rows(metrics, keep) if len(gone) < len(metrics.steps) else None


def _thinness(events: list[Timed]) -> float:
    """Of how many rows one is left; infinite where none is."""
    rows = sum(len(timed.event.steps) for timed in events if isinstance(timed.event, Metrics))
    gone = sum(timed.event.rows for timed in events if isinstance(timed.event, Thinned))
    return (rows + gone) / rows if rows else math.inf


def _sum(gaps: list[Thinned]) -> Thinned:
    return Thinned(
        sum(gap.rows for gap in gaps), min(gap.first_step for gap in gaps), max(gap.last_step for gap in gaps)
    )


def _rows(metrics: Metrics, rows: slice) -> Metrics:
    series = {name: values[rows] for name, values in metrics.series.items()}
    return Metrics(metrics.steps[rows], metrics.times[rows], series)


def _cells(timed: Timed) -> int:
    event = timed.event
    if isinstance(event, Metrics):
        return len(event.steps) * (2 + len(event.series))
    return _CELLS // 100 + _characters(event) // _CELL


def _characters(event: Event) -> int:
    """Of texts that may be long."""
    if isinstance(event, Source):
        return len(event.text)
    return sum(len(file.diff) for file in event.files) if isinstance(event, Reloaded) else 0


def _cut(events: Iterable[Timed]) -> Iterator[Timed]:
    """The events, with large metric events in several parts."""
    for timed in events:
        event = timed.event
        if not isinstance(event, Metrics) or _cells(timed) <= _CELLS:
            yield timed
            continue
        rows = max(1, _CELLS // (2 + len(event.series)))
        for start in range(0, len(event.steps), rows):
            yield Timed(timed.time, _rows(event, slice(start, start + rows)))
