"""Putting the state of an earlier moment into this process: from memory into the very same objects, or from disk into
those that are there, and into those that the script is about to make.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from livespark.runtime.journal import Mark
from livespark.runtime.level import Level
from livespark.runtime.positions import Position, Scope
from livespark.runtime.reload.continuation import Continuation
from livespark.runtime.reload.generators import Generators
from livespark.runtime.snapshots.moments import Moment, Place
from livespark.runtime.snapshots.putting import Putter
from livespark.runtime.snapshots.standing import put_back
from livespark.runtime.snapshots.subject import Here, Subject
from livespark.snapshots.opening import OpenSnapshot

__all__ = ("Returning", "Target", "new_putter")

Target: TypeAlias = Moment | OpenSnapshot

_UNASKED: Final = "the snapshot has no persisted value {!r}: it is made anew"
_ELSEWHERE: Final = "the items could not be left out: the run stood in another loop then"


class Returning:
    """One per attached process. `tell` hears later what of the loops could not be done exactly. Training thread."""

    def __init__(self, subject: Subject, continuation: Continuation, tell: Callable[[str], object]) -> None:
        self._subject = subject
        self._continuation = continuation
        self._tell = tell
        self._generators: Generators | None = None

    def go_back(self, target: Target, *, in_place: bool, beyond: Here | None = None) -> list[str]:
        """The run is as it was at that moment. -> what is not, as sentences. Raises what the living objects raise.

        `in_place`: the script has not been unwound, its loops go on. `beyond`: go on behind this item, of the loop that
        was open then.
        """
        if isinstance(target, Moment):
            place, notes = target.place, self._put_back(target)
        else:
            place, notes = self.place_of(target), self._put_living(target)
        self._subject.journal.go_back(place.mark)
        if in_place:
            place.generators.restore()
        else:
            notes += self.stand(place, beyond)
        return notes

    def stand(self, place: Place, beyond: Here | None = None) -> list[str]:
        """When the script runs from its top, loops and generators go on as they stood at that moment. -> notes."""
        level = self._subject.levels[0]
        behind = _behind(place.loops, place.open, beyond) if beyond else place.loops
        put_back(level.scope, behind or place.loops, self._tell)
        innermost = _find(level, place.open)
        if innermost is None:
            self._continuation.drop()
            self._generators = place.generators
        else:
            self._continuation.remember_that(place.generators, innermost)
            self._continuation.begin()
        return [] if behind else [_ELSEWHERE]

    def asked_for_value(self) -> None:
        """A script without open loops gets its generators back as late as we can tell: with its persisted values."""
        if self._generators:
            self._generators.restore()

    def begun(self) -> None:
        """The script has come to its first checkpoint."""
        self._generators = None
        self._continuation.end()

    def place_of(self, snapshot: OpenSnapshot) -> Place:
        """Where the run stood."""
        manifest, putter = snapshot.manifest, new_putter(snapshot)
        loops = putter.make(manifest.loops)
        return Place(
            loops["scope"],
            [tuple(name) for name in loops["open"]],
            Generators.of(putter.make(manifest.generators)),
            Mark(**putter.make(manifest.journal)),
            manifest.exposed,
        )

    def _put_back(self, moment: Moment) -> list[str]:
        assert moment.memory is not None
        values = dict(self._subject.values()) if self._subject.is_found else self._subject.persisted.values
        moment.memory.left_out.clear()
        moment.memory.put_back(values)
        return list(moment.memory.left_out)

    def _put_living(self, snapshot: OpenSnapshot) -> list[str]:
        saved, living, putter = snapshot.manifest.values, self._subject.values(), new_putter(snapshot)
        notes: list[str] = []
        for key in list(living):
            if key not in saved:
                notes.append(_UNASKED.format(key))
                self._subject.persisted.values.pop(key, None)
                continue
            value, told = putter.put(saved[key], living[key], saved[key].made, key)
            notes += told
            if not self._subject.is_found:
                living[key] = value
        return notes


def new_putter(snapshot: OpenSnapshot) -> Putter:
    """For the values of one going back: what one of them keeps, another does not take away."""
    return Putter(snapshot.array, snapshot.pickle, snapshot.manifest.arrays)


def _find(level: Level, path: list[tuple[str, int]]) -> Position | None:
    """The innermost of the loops that were open."""
    scope: Scope = level.scope
    for key, occurrence in path:
        found = scope.children.get((key, occurrence))
        if found is None:
            return None
        scope = found
    return scope if isinstance(scope, Position) else None


def _behind(loops: dict[str, Any], path: list[tuple[str, int]], beyond: Here) -> dict[str, Any] | None:
    """`loops` with the innermost open one behind the item of `beyond`. None where that is in another item of a loop
    around it, or in another loop."""
    if [name for name, _ in beyond] != path or not path:
        return None
    (name, index), *inner = beyond
    made = []
    for loop in loops["loops"]:
        if (loop["key"], loop["occurrence"]) == name:
            loop = _within(loop, path, inner, index)
            if loop is None:
                return None
        made.append(loop)
    return {**loops, "loops": made}


def _within(loop: dict[str, Any], path: list[tuple[str, int]], inner: Here, index: int) -> dict[str, Any] | None:
    if inner:
        return _behind(loop, path[1:], inner) if loop["index"] == index else None
    return {**loop, "index": max(index, loop["index"]), "unfinished": False}
