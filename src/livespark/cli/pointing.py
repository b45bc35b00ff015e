"""Which snapshot is meant: `RUN@7`, `RUN@LABEL`, `RUN@step:8800`, or `RUN` for the newest. No I/O.

RUN may be the beginning of an id, and where it is left out (`@7`) the only live run is meant, as everywhere.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from livespark.errors import UsageError
from livespark.protocol.snapshots import SnapshotInfo

__all__ = ("Pointer", "listed", "named", "parse", "pick")

_STEP: Final = re.compile(r"step:(-?\d[\d,_]{0,30})", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,9}", re.ASCII)
_MOST: Final = 8


class Pointer(NamedTuple):
    """What a word names. At most one of `number`, `label` and `step` is set; none: the newest."""

    run: str | None
    number: int | None = None
    label: str = ""
    step: int | None = None

    @property
    def is_newest(self) -> bool:
        return self.number is None and self.step is None and not self.label


def parse(text: str) -> Pointer:
    """The pointer that a word names. Raises UsageError for an empty one."""
    run, at, place = text.partition("@")
    if not run and not place:
        raise UsageError(f"{text!r} names no snapshot; expected RUN@7, RUN@LABEL, RUN@step:8800, or RUN for the newest")
    if not at:
        return Pointer(run)
    if not place:
        raise UsageError(f"what follows the @ in {text!r}? A number, a label, or step:8800; without @ it is the newest")
    return named(run or None, place)


def named(run: str | None, place: str) -> Pointer:
    """The snapshot `place` of `run`: a number, `step:8800`, or else a label."""
    if _NUMBER.fullmatch(place):
        return Pointer(run, int(place))
    if match := _STEP.fullmatch(place):
        return Pointer(run, step=int(match[1].replace(",", "").replace("_", "")))
    return Pointer(run, label=place)


def pick(snapshots: Sequence[SnapshotInfo], wanted: Pointer, run: str) -> SnapshotInfo:
    """The one that is meant; of several with a label the newest. `snapshots` are oldest first. Raises UsageError."""
    if not snapshots:
        raise UsageError(f"{run} has no snapshot yet. `livespark snapshot {run}` takes one while it runs")
    found = [info for info in snapshots if _fits(info, wanted)]
    if not found:
        raise UsageError(f"{run} has no snapshot {_words(wanted)}; it has {listed(snapshots)}")
    return max(found, key=_step) if wanted.step is not None else found[-1]


def listed(snapshots: Sequence[SnapshotInfo]) -> str:
    """`3, 5, 7 (final)`: the newest few, with their labels."""
    words = [f"{info.number} ({info.label})" if info.label else str(info.number) for info in snapshots[-_MOST:]]
    return f"{'..., ' if len(snapshots) > _MOST else ''}{', '.join(words)}"


def _fits(info: SnapshotInfo, wanted: Pointer) -> bool:
    if wanted.number is not None:
        return info.number == wanted.number
    if wanted.step is not None:
        return info.step is not None and info.step <= wanted.step
    return not wanted.label or info.label == wanted.label


def _words(wanted: Pointer) -> str:
    if wanted.step is not None:
        return f"at or before step {wanted.step:,}"
    return str(wanted.number) if wanted.number is not None else f"labelled {wanted.label!r}"


def _step(info: SnapshotInfo) -> tuple[int, int]:
    """Of two at one step the newer counts as further."""
    return (-1 if info.step is None else info.step, info.number)
