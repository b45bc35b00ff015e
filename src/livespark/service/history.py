"""A run's past: its events in pages, its metrics as columns, its reloads, and the source it ran."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from livespark.protocol.code import CodeList, CodeText
from livespark.protocol.events import Metrics, Number, Stored
from livespark.protocol.ids import Cursor
from livespark.protocol.runs import Run
from livespark.service.refusals import Refused
from livespark.store.base import Store, StoredBody

__all__ = ("Columns", "EventPage", "History", "MetricsPage")

_PAGE: Final = 1_000
_decoder: Final = msgspec.json.Decoder(Stored)


class Columns(Struct):
    """One metric: columns of equal length. `times` are Unix seconds."""

    steps: list[int]
    times: list[float]
    values: list[Number]


class MetricsPage(Struct, frozen=True):
    """`next`: pass as `after` for the following page; None when this is the last. `last_seq`: the run's newest
    event."""

    series: dict[str, Columns]
    next: int | None
    last_seq: int


class EventPage(Struct, frozen=True):
    """`next`: pass as `after` for what comes later."""

    events: list[Stored]
    next: str


class History:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def events(self, run: Run, cursor: Cursor | None, limit: int) -> tuple[list[StoredBody], Cursor]:
        """Events after `cursor`, and the cursor behind them. Raises Refused for the cursor of another log."""
        if cursor and cursor.epoch != run.epoch:
            raise Refused("conflict", f"the cursor {cursor} belongs to another event log. Start again without `after`")
        after = cursor.seq if cursor else 0
        events = await self._store.read_events(run.id, after, limit)
        return events, Cursor(run.epoch, events[-1].seq if events else after)

    async def metrics(self, run: Run, names: Collection[str], after: int, limit: int) -> MetricsPage:
        """Columns of the metrics in `names` (none: of all) in the events after number `after`, about `limit` rows."""
        series: dict[str, Columns] = {}
        rows = 0
        while rows < limit:
            events = await self._store.read_events(run.id, after, _PAGE)
            if not events:
                return MetricsPage(series, None, max(after, run.last_seq))
            rows += await asyncio.to_thread(_gather, series, events, names)
            after = events[-1].seq
        return MetricsPage(series, after, max(after, run.last_seq))

    async def code(self, run: Run, at: int | None, step: int | None) -> CodeList:
        """Which version of each file the run executed at event `at` and at `step`; None: now."""
        return CodeList(await self._store.code_at(run.id, seq=at, step=step))

    async def text(self, run: Run, hash: str) -> CodeText:
        """A source that the run executed. Raises Refused."""
        text = await self._store.get_text(run.id, hash)
        if text is None:
            detail = (
                f"no source {hash[:64]!r} of run {run.id} is kept; `GET /api/runs/{run.id}/code` lists what there is"
            )
            raise Refused("not-found", detail)
        return CodeText(hash, text)

    async def reloads(self, run: Run, after: int, limit: int) -> tuple[list[StoredBody], int | None]:
        """The `Reloaded` events after number `after`, and what to pass as `after` for more, if there are more."""
        events = await self._store.read_reloads(run.id, after, limit)
        more = events and await self._store.read_reloads(run.id, events[-1].seq, 1)
        return events, events[-1].seq if more else None


def _gather(series: dict[str, Columns], events: Sequence[StoredBody], names: Collection[str]) -> int:
    """Append the metrics in `events`; -> how many rows there were."""
    rows = 0
    for event in events:
        if b'"type":"metrics"' in event.body:
            stored = _decoder.decode(event.body).event
            rows += _append(series, stored, names) if isinstance(stored, Metrics) else 0
    return rows


def _append(series: dict[str, Columns], metrics: Metrics, names: Collection[str]) -> int:
    for name, values in metrics.series.items():
        if not names or name in names:
            columns = series.setdefault(name, Columns([], [], []))
            columns.steps += metrics.steps
            columns.times += metrics.times
            columns.values += values
    return len(metrics.steps)
