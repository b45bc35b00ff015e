"""Beginning with the state of a snapshot: the script runs from its top, what it persists gets the saved content as it
is made, and its loops go on where they stood.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from livespark.errors import LivesparkError
from livespark.protocol.events import Notice, Resumed
from livespark.protocol.snapshots import Manifest, Origin
from livespark.runtime.arrivals import when_imported
from livespark.runtime.core import Core
from livespark.runtime.snapshots.carrying import carried
from livespark.runtime.snapshots.exposures import Exposures
from livespark.runtime.snapshots.returning import Returning, new_putter
from livespark.runtime.snapshots.subject import Subject
from livespark.snapshots.folder import Folder
from livespark.snapshots.opening import OpenSnapshot

__all__ = ("Resumption", "find_snapshot")

_FOUND: Final = (
    "the script persists nothing: what its optimizers train gets its state back behind the first step, which is "
    "undone thereby; loops and data begin anew"
)
_LEFT: Final = "the snapshot also holds the persisted value {!r}, which the script has not asked for yet"


def find_snapshot(origin: Origin, folder: Path, seal: bytes) -> tuple[OpenSnapshot | None, list[str]]:
    """The snapshot to begin with, and sentences about damaged ones. None: a retry of a run that has not saved anything.

    Raises LivesparkError where there is none that can be used.
    """
    shelf = Folder(folder, seal)
    if origin.snapshot is not None:
        return shelf.open(origin.snapshot), []
    found, left_out = shelf.newest_good()
    if found is None and origin.relation != "retry":
        reasons = f": {'; '.join(left_out)}" if left_out else ""
        raise LivesparkError(f"{origin.run} has no snapshot to go on from{reasons}")
    return found, left_out


class Resumption:
    """One beginning. Training thread."""

    def __init__(
        self,
        origin: Origin,
        snapshot: OpenSnapshot,
        notes: list[str],
        *,
        core: Core,
        subject: Subject,
        returning: Returning,
        exposures: Exposures,
    ) -> None:
        self._origin = origin
        self._snapshot = snapshot
        self._notes = notes
        self._core = core
        self._subject = subject
        self._returning = returning
        self._exposures = exposures
        self._putter = new_putter(snapshot)
        self._awaited = snapshot.manifest.values.keys() - set(origin.fresh)
        self._is_found = False

    def begin(self) -> None:
        """Before the script runs."""
        manifest, persisted = self._snapshot.manifest, self._subject.persisted
        keys = manifest.values.keys() - set(self._origin.fresh)
        persisted.expect(keys, self._restore, partial(carried, self._snapshot))
        self._exposures.resume(manifest.edits, self._is_new)
        if "torch" in manifest.packages:
            when_imported("torch", lambda _: self._stand())
        else:
            self._stand()
        origin = replace(self._origin, snapshot=manifest.info.number, step=manifest.info.step)
        self._core.outbox.emit(Resumed(origin, manifest.info.step, [*self._notes, *self._changes(manifest)]))

    def _stand(self) -> None:
        """Loops, generators and counters; tensors among them can be had when the script has imported torch."""
        try:
            place = self._returning.place_of(self._snapshot)
            self._subject.journal.go_back(place.mark)
            self._returning.stand(place)
        except Exception as error:  # the import of torch must not fail because of it
            text = f"loops and random generators begin anew: what is saved of them can't be used: {error!s:.300}"
            self._core.outbox.emit(Notice("error", "not-resumed", text))

    def stepped(self) -> None:
        """An optimizer has made its first step: in a script that persists nothing, what it trains gets its state."""
        persisted = self._subject.persisted
        if persisted.values or not self._awaited:
            return
        living, notes = self._subject.values(), [] if self._is_found else [_FOUND]
        for key in sorted(self._awaited & living.keys()):
            self._awaited.discard(key)
            notes += self._put_found(key, living[key])
        if not self._is_found:
            self._is_found = True
            self._go_on_from()
        self._tell(notes)

    def begun(self) -> bool:
        """The script has come to its first checkpoint. -> whether all is done: more optimizers may still come."""
        self._tell(self._exposures.finish()[1])
        persisted = self._subject.persisted
        left = sorted(persisted.expected) if persisted.values else []
        self._tell([_LEFT.format(key) for key in left])
        return bool(persisted.values) or not self._awaited

    def _put_found(self, key: str, value: Any) -> list[str]:
        try:
            return self._put(key, value)[1]
        except LivesparkError as error:
            return [str(error)]

    def _go_on_from(self) -> None:
        """The counters and random generators are as they were, too, now that the first step is undone."""
        place = self._returning.place_of(self._snapshot)
        self._subject.journal.go_back(place.mark)
        place.generators.restore()

    def _restore(self, key: str, value: Any) -> Any:
        """A persisted value has been made."""
        value, notes = self._put(key, value)
        self._tell(notes)
        return value

    def _put(self, key: str, value: Any) -> tuple[Any, list[str]]:
        """What is made otherwise now counts only where code or config are others: an initializer may also have looked
        at what has been put back before it."""
        saved = self._snapshot.manifest.values[key]
        made_now = self._subject.made.get(key, {}) if self._is_new() else saved.made
        return self._putter.put(saved, value, made_now, key)

    def _is_new(self) -> bool:
        """Whether code or config are others than when the snapshot was taken."""
        manifest = self._snapshot.manifest
        return bool(self._changed_files(manifest)) or self._subject.config_shown() != manifest.config

    def _changes(self, manifest: Manifest) -> list[str]:
        """What is different from when the snapshot was taken."""
        return [
            *(f"{path} has changed since" for path in self._changed_files(manifest)),
            *_changed_versions(manifest.packages, self._subject.packages()),
        ]

    def _changed_files(self, manifest: Manifest) -> list[str]:
        code = self._subject.code()
        return [path for path, digest in manifest.code.items() if code.get(path, digest) != digest]

    def _tell(self, notes: list[str]) -> None:
        for note in notes:
            self._core.outbox.emit(Notice("warning", "resumed", note))


def _changed_versions(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [f"{name} is {now[name]} and was {then[name]}" for name in then if now.get(name, then[name]) != then[name]]
