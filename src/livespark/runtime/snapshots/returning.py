"""Putting the state of an earlier moment into this process: from memory into the very same objects, or from disk into
those that are there, and into those that the script is about to make.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

from livespark.runtime.journal import Mark
from livespark.runtime.level import Level
from livespark.runtime.positions import Position, Scope
from livespark.runtime.reload.continuation import Continuation
from livespark.runtime.reload.generators import Generators
from livespark.runtime.snapshots.carrying import carried
from livespark.runtime.snapshots.moments import Moment, Place
from livespark.runtime.snapshots.putting import Putter
from livespark.runtime.snapshots.standing import put_back
from livespark.runtime.snapshots.subject import Subject
from livespark.snapshots.opening import OpenSnapshot

__all__ = ("Returning", "Target", "new_putter")

Target: TypeAlias = Moment | OpenSnapshot

_UNASKED: Final = "the snapshot has no persisted value {!r}: it is made anew"


class Returning:
    """One per attached process. `tell` hears later what could not be done exactly. Training thread."""

    def __init__(self, subject: Subject, continuation: Continuation, tell: Callable[[str], object]) -> None:
        self._subject = subject
        self._continuation = continuation
        self._tell = tell
        self._generators: Generators | None = None

    def go_back(self, target: Target, *, in_place: bool, skip: bool = False, within: bool = False) -> list[str]:
        """The run is as it was at that moment. -> what is not, as sentences. Raises what the living objects raise.

        `in_place`: the script has not been unwound, its loops go on. `skip`: they go on, too, where they stood last,
        or, `within` an item, behind that.
        """
        if isinstance(target, Moment):
            place, notes = target.place, self._put_back(target)
        else:
            place, notes = self.place_of(target), self._put_living(target)
        self._subject.journal.go_back(place.mark)
        if in_place:
            place.generators.restore()
        elif skip:
            if within:
                self._subject.levels[0].scope.skip_unfinished()
            self._go_on(place.generators, self._continuation.left)
        else:
            self.stand(place)
        return notes

    def stand(self, place: Place) -> None:
        """When the script runs from its top, loops and generators go on as they stood at that moment."""
        level = self._subject.levels[0]
        put_back(level.scope, place.loops, self._tell)
        self._go_on(place.generators, _find(level, place.open))

    def stand_again(self) -> None:
        """The script has been unwound once more. Had it not come to where the generators go on, they go on there."""
        self._continuation.begin_again()

    def asked_for_value(self) -> None:
        """A script without open loops gets its generators back as late as we can tell: with its persisted values."""
        if self._generators:
            self._generators.restore()

    def begun(self) -> None:
        """The script has come to its first checkpoint."""
        self._generators = None
        self._continuation.arrive()

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

    def _go_on(self, generators: Generators, innermost: Position | None) -> None:
        if innermost is None:
            self._continuation.drop()
            self._generators = generators
        else:
            self._continuation.remember_until(generators, innermost)
            self._continuation.begin()

    def _put_back(self, moment: Moment) -> list[str]:
        assert moment.memory is not None
        values: dict[str, Any] = {} if moment.is_found else self._subject.persisted.values
        moment.memory.left_out.clear()
        moment.memory.put_back(values)
        self._subject.persisted.expect(*moment.expected)
        return list(moment.memory.left_out)

    def _put_living(self, snapshot: OpenSnapshot) -> list[str]:
        """What the script has not made by now gets its content as it is made."""
        persisted, living, putter = self._subject.persisted, self._subject.values(), new_putter(snapshot)
        saved, notes = snapshot.manifest.values, list[str]()

        def put(key: str, value: Any) -> Any:
            value, told = putter.put(saved[key], value, saved[key].made, key)
            notes.extend(told)
            return value

        if self._subject.is_found:
            for key in living.keys() & saved.keys():
                put(key, living[key])
            return notes
        notes += [_UNASKED.format(key) for key in living if key not in saved]
        for key in list(living):
            made = living.pop(key)
            if key in saved:
                living[key] = put(key, made)
        later = partial(self._put_later, snapshot), partial(carried, snapshot)
        persisted.expect(saved.keys() - living.keys(), *later)
        return notes

    def _put_later(self, snapshot: OpenSnapshot, key: str, value: Any) -> Any:
        saved = snapshot.manifest.values[key]
        value, notes = new_putter(snapshot).put(saved, value, saved.made, key)
        for note in notes:
            self._tell(note)
        return value


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
