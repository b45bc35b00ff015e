"""Metric series as a client gets them."""

from typing import NamedTuple

from msgspec import Struct

from livespark.protocol import codec
from livespark.protocol.events import Number

__all__ = ("Columns", "MetricsPage", "Series", "gather")


class Series(NamedTuple):
    """One metric: columns of equal length. `times` are Unix seconds."""

    steps: list[int]
    times: list[float]
    values: list[float]

    def __repr__(self) -> str:
        last = f", the last {self.values[-1]:.6g} at step {self.steps[-1]}" if self.steps else ""
        return f"<Series: {len(self.steps)} points{last}>"


class Columns(Struct, frozen=True):
    """One metric of a page, as it travels."""

    steps: list[int]
    times: list[float]
    values: list[Number]


class MetricsPage(Struct, frozen=True):
    """Answer of `GET /api/runs/{run}/metrics`. `next`: where the following page begins; None when this is the last."""

    series: dict[str, Columns]
    next: int | None = None
    last_seq: int = 0


def gather(into: dict[str, Series], page: MetricsPage) -> None:
    """Append a page's columns to what earlier pages brought."""
    for name, columns in page.series.items():
        series = into.setdefault(name, Series([], [], []))
        series.steps.extend(columns.steps)
        series.times.extend(columns.times)
        series.values.extend(map(codec.from_number, columns.values))
