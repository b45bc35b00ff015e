"""Logged rows as columnar events. Pure."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, TypeAlias

from livespark.protocol.codec import to_number
from livespark.protocol.events import Metrics, Number

__all__ = ("Row", "columns")

Row: TypeAlias = tuple[float, int, dict[str, int | float]]
"""Unix time, step, values by name."""

_NUMBERS: Final = 10_000
"""The most numbers in one event."""


def columns(rows: Iterable[Row]) -> Iterator[Metrics]:
    """Consecutive rows of the same names share an event. Rows without values give none."""
    for names, group in groupby(rows, lambda row: tuple(row[2])):
        if names:
            yield from _pieces(names, list(group))


def _pieces(names: tuple[str, ...], rows: list[Row]) -> Iterator[Metrics]:
    size = max(1, _NUMBERS // len(names))
    for start in range(0, len(rows), size):
        yield _event(names, rows[start : start + size])


def _event(names: tuple[str, ...], rows: list[Row]) -> Metrics:
    times, steps, values = zip(*rows, strict=True)
    series = {name: _column([row[name] for row in values]) for name in names}
    return Metrics(list(steps), list(times), series)


def _column(values: Sequence[int | float]) -> list[Number]:
    if set(map(type, values)) == {float} and math.isfinite(sum(values)):
        return list(values)
    return list(map(to_number, values))
