"""What exposed scalars have to be once the script has been put back to an earlier moment: it exposes them anew, then
those are set that somebody asked for, and those of objects that are not saved themselves.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from livespark.errors import CommandRefused
from livespark.protocol.codec import from_node
from livespark.protocol.snapshots import Rule
from livespark.runtime.bindings import Bindings

__all__ = ("Exposures", "changed")

_OPERATORS: Final[Mapping[str, Callable[[float, float], float]]] = {
    "=": lambda _, value: value,
    "+=": lambda now, value: now + value,
    "-=": lambda now, value: now - value,
    "*=": lambda now, value: now * value,
    "/=": lambda now, value: now / value,
}


def changed(rule: Rule, now: Any) -> int | float:
    """What `rule` makes of the number `now`. Raises CommandRefused for what is no number, and a division by zero."""
    if isinstance(now, bool) or not isinstance(now, int | float):
        raise CommandRefused(f"{rule.path} is {now!r:.60}, which is no number")
    try:
        made = _OPERATORS[rule.operator](now, rule.value)
    except ZeroDivisionError:
        raise CommandRefused(f"{rule.path} /= 0 has no result") from None
    return int(made) if isinstance(now, int) and float(made).is_integer() else made


class Exposures:
    """Training thread. `is_saved` tells whether the content of an exposed object comes back by itself."""

    def __init__(self, bindings: Bindings, is_saved: Callable[[Any], bool]) -> None:
        self._bindings = bindings
        self._is_saved = is_saved
        self._then: dict[str, Any] = {}
        self._asked: dict[str, Any] = {}
        self._rules: list[Rule] = []
        self._values: dict[str, Any] = {}
        self._notes: list[str] = []

    def begin(self, then: Mapping[str, Any], asked: Mapping[str, Any], rules: Sequence[Rule]) -> None:
        """From now on: `then`, what they were at that moment; `asked`, what they shall be instead."""
        self._then, self._asked, self._rules = dict(then), dict(asked), list(rules)
        self._values, self._notes = {}, []

    def exposed(self) -> None:
        """The script has exposed something: set what can be set by now."""
        if not (self._then or self._asked or self._rules):
            return
        now = self._bindings.scalars()
        then, self._then = _parted(self._then, now)
        differing = {path: value for path, value in then.items() if value != now[path]}
        self._set({path: value for path, value in differing.items() if not self._is_saved(self._bindings.root(path))})
        asked, self._asked = _parted(self._asked, now)
        self._set(asked, told=True)
        for rule in [rule for rule in self._rules if rule.path in now]:
            self._rules.remove(rule)
            self._apply(rule, from_node(now[rule.path]))

    def finish(self) -> tuple[dict[str, Any], list[str]]:
        """The script is on its way. -> the values that were asked for, as they are now, and what could not be done."""
        self.exposed()
        missing = [*self._asked, *(rule.path for rule in self._rules)]
        notes = [*self._notes, *(f"{path} is not exposed, so it was not set" for path in missing)]
        values = self._values
        self.begin({}, {}, ())
        return values, notes

    def _apply(self, rule: Rule, now: Any) -> None:
        try:
            self._set({rule.path: changed(rule, now)}, told=True)
        except CommandRefused as refused:
            self._notes.append(str(refused))

    def _set(self, values: Mapping[str, Any], *, told: bool = False) -> None:
        """Each for itself: one that is refused does not keep the others back."""
        for path, value in values.items():
            try:
                applied = self._bindings.prepare({path: value}).apply()
            except CommandRefused as refused:
                self._notes.append(str(refused))
            else:
                self._values |= applied.values if told else {}


def _parted(wanted: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Those that are exposed now, and the others."""
    there = {path: value for path, value in wanted.items() if path in now}
    return there, {path: value for path, value in wanted.items() if path not in now}
