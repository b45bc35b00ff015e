"""One snapshot: what has to be copied at a checkpoint, while the training stands still. The rest happens behind it."""

import sys
import time
from dataclasses import dataclass
from typing import Any, Final

from livespark.errors import LivesparkError
from livespark.protocol.codec import to_number
from livespark.protocol.snapshots import Cause, Manifest, SavedValue, SnapshotInfo
from livespark.runtime.reload.memory import Memory, uncollected
from livespark.runtime.snapshots.copies import Copies, new_copies
from livespark.runtime.snapshots.moments import Moment, Place
from livespark.runtime.snapshots.subject import Subject
from livespark.runtime.snapshots.trees import Encoder, Unsavable, saved_value
from livespark.snapshots.folder import ArrayData, Draft

__all__ = ("Capture", "capture_moment", "capture_run")

_FORMAT: Final = 1
_METRICS: Final = 100


@dataclass(frozen=True)
class Capture:
    """`draft` can be written by another thread. `unsaved`: sentences about values that are not in it."""

    draft: Draft
    moment: Moment
    unsaved: list[str]


def capture_moment(subject: Subject, number: int, before: Copies | None, *, remember: bool = True) -> Moment:
    """Copy the run's state into host memory. Training thread. Raises what a device raises that has no room.

    `remember`: so that it can be put back; else only what `capture_run` needs besides.
    """
    copies, place = new_copies(before), subject.place()
    try:
        memory = Memory.take(subject.values(), copies) if remember else None
    except BaseException:
        copies.release()
        raise
    expected = subject.persisted.expectation()
    return Moment(number, time.time(), subject.journal.step, place, copies, memory, subject.is_found, expected)


def capture_run(
    subject: Subject, number: int, cause: Cause, label: str, *, before: Copies | None, remember: bool, message: str
) -> Capture:
    """Copy the run's state, so that it can be written. `remember`: and be put back from memory. Training thread.

    Raises what a device raises that has no room, and what the script's own `state_dict` raises.
    """
    began = time.perf_counter()
    with uncollected():
        moment = capture_moment(subject, number, before, remember=remember)
        encoder = Encoder(moment.copies.copy)
        try:
            values, unsaved = _saved_values(subject, encoder)
            trees = _trees(encoder, moment.place)
            moment.copies.wait()
        except BaseException:
            moment.copies.release()
            raise
    stall = time.perf_counter() - began
    info = SnapshotInfo(
        number, moment.time, cause, moment.step, label, stall=stall, metrics=_metrics(subject), message=message
    )
    manifest = Manifest(
        format=_FORMAT,
        run=subject.run,
        info=info,
        values=values,
        arrays=[],
        exposed=moment.place.exposed,
        edits=subject.edits.of(moment.place.exposed),
        config=subject.config_shown(),
        code=subject.code(),
        packages=subject.packages(),
        python=sys.version.partition(" ")[0],
        **trees,
    )
    draft = Draft(manifest, list(map(ArrayData._make, encoder.leaves)), encoder.pickles)
    return Capture(draft, moment, unsaved)


def _saved_values(subject: Subject, encoder: Encoder) -> tuple[dict[str, SavedValue], list[str]]:
    values: dict[str, SavedValue] = {}
    unsaved: list[str] = []
    for key, value in subject.values().items():
        try:
            values[key] = saved_value(encoder, key, value, subject.made.get(key, {}))
        except Unsavable as error:
            unsaved.append(str(error))
    _carry(subject, encoder, values, unsaved)
    return values, unsaved


def _carry(subject: Subject, encoder: Encoder, values: dict[str, SavedValue], unsaved: list[str]) -> None:
    """What is still to come from the snapshot that the run goes on from."""
    expected, _, carry = subject.persisted.expectation()
    if carry is None or subject.is_found:
        return
    for key in sorted(expected - values.keys()):
        try:
            values[key] = carry(encoder, key)
        except (LivesparkError, OSError) as error:
            unsaved.append(f"the persisted value {key!r}, not asked for yet, can't be saved once more: {error}")


def _trees(encoder: Encoder, place: Place) -> dict[str, Any]:
    return {
        "loops": encoder.encode({"scope": place.loops, "open": place.open}, "the loops"),
        "generators": encoder.encode(place.generators.state(), "the random generators"),
        "journal": encoder.encode(place.mark._asdict(), "the counters"),
    }


def _metrics(subject: Subject) -> dict[str, int | float | str]:
    newest = subject.journal.newest()
    return {name: to_number(value) for name, value in list(newest.items())[:_METRICS]}
