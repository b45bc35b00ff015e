"""Going back: the state of an earlier moment is put into the living objects, and the script goes on from there.

A script with persisted values is unwound first (`SparkReloadError`), and runs again from its top: its loops go on where
they stood then. In a call, and in a script that persists nothing, values, generators and counters are put back on the
spot: loops and data go on.
"""

import time
from dataclasses import dataclass, field
from typing import Any, Final

from livespark.errors import CommandRefused, LivesparkError
from livespark.protocol.commands import Failure, Rewind
from livespark.protocol.events import Notice, Rewound
from livespark.protocol.lifecycle import RunState
from livespark.protocol.snapshots import AutoRewind, Rule, SnapshotInfo
from livespark.runtime.core import Core
from livespark.runtime.failure import describe
from livespark.runtime.request import Request
from livespark.runtime.snapshots.exposures import Exposures
from livespark.runtime.snapshots.moments import Moment, Moments
from livespark.runtime.snapshots.returning import Returning, Target
from livespark.runtime.snapshots.schedule import Trip
from livespark.runtime.snapshots.subject import Subject
from livespark.snapshots.damage import Damaged
from livespark.snapshots.folder import Folder
from livespark.snapshots.opening import OpenSnapshot

__all__ = ("Rewinder",)

_IN_PLACE: Final = "put back on the spot: the script's loops, and its data, go on where they are"
_ENOUGH: Final = "{reason} at step {step}, and the run has gone back {times} times by itself: it goes on"
_NONE: Final = "there is no snapshot yet: `livespark snapshot` takes one"


@dataclass
class _Order:
    """A rewind under way. `reason`: why it happens by itself; empty: somebody asked."""

    request: Request
    command: Rewind
    target: Target
    from_step: int | None
    reason: str = ""
    rules: list[Rule] = field(default_factory=list)
    in_place: bool = False
    is_done: bool = False
    within: bool = False
    began: float = field(default_factory=time.perf_counter)
    notes: list[str] = field(default_factory=list)

    @property
    def number(self) -> int:
        return self.target.number if isinstance(self.target, Moment) else self.target.manifest.info.number


class Rewinder:
    """One per attached process. Training thread, but for `trip`'s callers, who are on it, too."""

    def __init__(
        self,
        core: Core,
        subject: Subject,
        folder: Folder,
        moments: Moments,
        exposures: Exposures,
        returning: Returning,
    ) -> None:
        self.moments = moments
        self.infos: list[SnapshotInfo] = folder.infos()
        self._core = core
        self._subject = subject
        self._folder = folder
        self._exposures = exposures
        self._returning = returning
        self._order: _Order | None = None
        self._automatic: dict[Request, tuple[str, AutoRewind]] = {}
        self._eased = 0
        self._eased_at: dict[int, int] = {}

    def note(self, number: int) -> None:
        """A snapshot has been taken: it has what the rules of automatic rewinds have made of the values by now."""
        known = {number, *(info.number for info in self.infos), *(moment.number for moment in self.moments.shown)}
        self._eased_at = {each: eased for each, eased in self._eased_at.items() if each in known}
        self._eased_at[number] = self._eased

    def trip(self, trip: Trip, settings: AutoRewind, reason: str, step: int) -> None:
        """A metric says that the run has to go back."""
        self._automatic = {each: why for each, why in self._automatic.items() if each.answer is None}
        if self._automatic or self._pending():
            return None
        if not trip.spend():
            text = _ENOUGH.format(reason=reason, step=step, times=settings.times)
            return self._core.outbox.emit(Notice("warning", "no-rewind", text))
        request = Request(Rewind(step=max(0, step - settings.steps), skip=settings.skip), self._core.outbox)
        self._automatic[request] = reason, settings
        return self._core.ask(request)

    def begin(self, request: Request) -> bool:
        """Go back at once, or, if True, as soon as the script has been unwound. Never raises."""
        command, (reason, settings) = request.command, self._automatic.pop(request, ("", None))
        assert isinstance(command, Rewind)
        try:
            target = self._find(command, or_oldest=bool(reason))
        except LivesparkError as error:
            return self._refuse(request, str(error), reason)
        request.start()
        self._order = _Order(request, command, target, self._core.step(), reason)
        self._order.rules = self._eased_rules(self._order.number, settings)
        is_found = target.is_found if isinstance(target, Moment) else self._subject.is_found
        self._order.in_place = is_found or len(self._core.levels) > 1
        level = self._core.levels[0]
        self._order.within = level.state is RunState.HELD or not level.at_rest
        if self._order.in_place:
            self._go_back(self._order)
            self._order.notes.append(_IN_PLACE)
            self._finish(self._order)
        return not (self._order is None or self._order.in_place)

    def unwound(self) -> None:
        """The script has been unwound, and is about to run again."""
        if order := self._pending():
            self._go_back(order)
        else:
            self._returning.stand_again()
            self._exposures.again()

    def reached(self, error: Failure | None = None) -> None:
        """The script that runs again has come to its first checkpoint, its end, or an `error` that holds it."""
        order, self._order = self._pending(), None
        if error is None:
            self._returning.begun()
        if order and order.is_done:
            self._finish(order, error)
        elif order:
            order.request.refuse("the script ended before it could go back", self._core.step())

    def _finish(self, order: _Order, error: Failure | None = None) -> None:
        """All has been put back."""
        self._order = None
        values, notes = self._exposures.finish()
        event = Rewound(
            order.number,
            order.target.step if isinstance(order.target, Moment) else order.target.manifest.info.step,
            order.from_step,
            in_memory=isinstance(order.target, Moment),
            in_place=order.in_place,
            automatic=bool(order.reason),
            reason=order.reason,
            values=values,
            seconds=time.perf_counter() - order.began,
            message="; ".join([*order.notes, *notes]),
        )
        self._core.outbox.emit(event)
        if error:
            order.request.fail(error, self._core.step())
        else:
            order.request.apply(self._core.step(), _summary(event), event.message)

    def _pending(self) -> _Order | None:
        """The rewind under way. One that has been answered, because of a stop, is none any more."""
        if self._order and self._order.request.answer is not None:
            self._order = None
        return self._order

    def _refuse(self, request: Request, sentence: str, reason: str) -> bool:
        request.refuse(sentence, self._core.step())
        if reason:
            text = f"{reason}, and the run can't go back: {sentence}"
            self._core.outbox.emit(Notice("error", "no-rewind", text))
        return False

    def _eased_rules(self, number: int, settings: AutoRewind | None) -> list[Rule]:
        """The rules are applied once more than in all that led here, also where an old snapshot knows nothing of it."""
        eased = self._eased_at.get(number, 0)
        self._eased = self._eased + 1 if settings else eased
        return settings.rules * (self._eased - eased) if settings else []

    def _find(self, command: Rewind, *, or_oldest: bool) -> Target:
        """From memory where it is there. Raises LivesparkError."""
        number = command.snapshot
        if number is None:
            steps = self._steps()
            fit = [
                each for each, at in steps.items() if command.step is None or (at is not None and at <= command.step)
            ]
            number = max(fit, default=min(steps, default=None) if or_oldest else None)
            if number is None:
                raise CommandRefused(f"no snapshot is that old: {self._known()}" if steps else _NONE)
        moment = self.moments.find(number)
        if moment is None and number not in {info.number for info in self.infos}:
            raise CommandRefused(f"there is no snapshot {number}: {self._known()}")
        return moment or self._open(number)

    def _steps(self) -> dict[int, int | None]:
        """At which step each snapshot was taken."""
        return {info.number: info.step for info in self.infos} | {each.number: each.step for each in self.moments.shown}

    def _known(self) -> str:
        listed = ", ".join(f"{number} (step {step})" for number, step in sorted(self._steps().items())[-10:])
        return f"there are {listed}" if listed else _NONE

    def _open(self, number: int) -> OpenSnapshot:
        try:
            return self._folder.open(number)
        except Damaged as error:
            raise CommandRefused(str(error)) from None

    def _go_back(self, order: _Order) -> None:
        """What raises is told; what has been put back by then stays, and the answer says so."""
        try:
            order.notes += self._returning.go_back(
                order.target, in_place=order.in_place, skip=order.command.skip, within=order.within
            )
        except Exception as error:
            order.notes.append(f"not all could be put back: {describe(error).message:.300}")
        order.is_done = True
        then = order.target.place.exposed if isinstance(order.target, Moment) else order.target.manifest.exposed
        self._exposures.begin(then, order.command.values, order.rules)
        if not order.in_place:
            self._exposures.survived()


def _summary(event: Rewound) -> dict[str, Any]:
    return {
        "snapshot": event.snapshot,
        "step": event.step,
        "from_step": event.from_step,
        "in_memory": event.in_memory,
        "in_place": event.in_place,
        "values": event.values,
        "seconds": event.seconds,
    }
