"""What exposed scalars have to be once the script has been put back to an earlier moment: those that somebody asked
for, and those of objects that are not saved themselves. In another process, of the latter only those that were set from
outside: the others are what the script makes of its code and config.

What belongs to a saved object can be set at once, before the script runs again: nobody may expose it before the next
step. The rest is set as the script exposes it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from livespark.errors import CommandRefused
from livespark.protocol.codec import from_node
from livespark.protocol.snapshots import Rule
from livespark.runtime.bindings import Bindings, Edit
from livespark.runtime.snapshots.edits import Edits

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

    def __init__(self, bindings: Bindings, edits: Edits, is_saved: Callable[[Any], bool]) -> None:
        self._bindings = bindings
        self._edits = edits
        self._is_saved = is_saved
        self._then: dict[str, Any] = {}
        self._asked: dict[str, Any] = {}
        self._rules: list[Rule] = []
        self._done: set[str] = set()
        self._values: dict[str, Any] = {}
        self._notes: list[str] = []
        self._before: dict[str, Any] = {}
        self._resumed: tuple[Mapping[str, Any], Callable[[], bool]] | None = None

    def edit(self, values: dict[str, Any]) -> Edit:
        """As `Bindings.prepare`, for somebody outside."""
        return self._edits.prepare(self._bindings, values)

    def resume(self, edits: Mapping[str, Any], is_new: Callable[[], bool]) -> None:
        """From now on, in a new process: `[before, now]` of what was set from outside then, by path. `is_new` tells
        whether code or config are others now: what they say otherwise stays."""
        pairs = {path: pair for path, pair in edits.items() if isinstance(pair, list) and len(pair) == 2}
        self.begin({path: now for path, (_, now) in pairs.items()}, {}, ())
        self._before = {path: before for path, (before, _) in pairs.items()}
        self._resumed = edits, is_new

    def again(self) -> None:
        """The script runs once more from its top, and makes anew what is not saved."""
        self._edits.forget()
        if self._resumed:
            self.resume(*self._resumed)

    def begin(self, then: Mapping[str, Any], asked: Mapping[str, Any], rules: Sequence[Rule]) -> None:
        """From now on: `then`, what they were at that moment; `asked`, what they shall be instead."""
        self._then, self._asked, self._rules = dict(then), dict(asked), list(rules)
        self._done, self._values, self._notes = set(), {}, []
        self._before, self._resumed = {}, None

    def survived(self) -> None:
        """The script is about to run again, and the saved objects are back: set what belongs to them."""
        if not (self._then or self._asked or self._rules):
            return
        saved = self._saved_paths(self._bindings.scalars())
        self._then = {path: value for path, value in self._then.items() if path not in saved}
        self._ask(saved)
        self._done = self._asked.keys() & saved.keys()

    def found(self) -> None:
        """Something has been found and exposed, in the middle of a step: what has been set before it stays."""
        self._asked = {path: value for path, value in self._asked.items() if path not in self._done}
        self._done.clear()
        self.exposed()

    def exposed(self) -> None:
        """The script has exposed something: set what can be set by now."""
        if not (self._then or self._asked or self._rules):
            return
        now = self._bindings.scalars()
        then, self._then = _parted(self._then, now)
        differing = {path: value for path, value in then.items() if value != now[path]}
        saved = self._saved_paths(differing)
        unsaved = {path: value for path, value in differing.items() if path not in saved}
        self._set(self._unchanged(unsaved, now) if self._resumed else unsaved)
        self._ask(self._bindings.scalars() if self._rules else now)
        self._asked = {path: value for path, value in self._asked.items() if path not in now}

    def finish(self) -> tuple[dict[str, Any], list[str]]:
        """The script is on its way. -> the values that were asked for, as they are now, and what could not be done."""
        self.found()
        missing = [*self._asked, *(rule.path for rule in self._rules)]
        missing += self._then if self._resumed else ()
        notes = [*self._notes, *(f"{path} is not exposed, so it was not set" for path in missing)]
        values = self._values
        self.begin({}, {}, ())
        return values, notes

    def _ask(self, now: Mapping[str, Any]) -> None:
        """Set what somebody asked for, of what is there `now`. A rule is from then on the number that it has made."""
        self._set({path: value for path, value in self._asked.items() if path in now}, told=True)
        ruled = {path: from_node(value) for path, value in now.items()} if self._rules else {}
        for rule in [rule for rule in self._rules if rule.path in now]:
            self._rules.remove(rule)
            try:
                ruled[rule.path] = changed(rule, ruled[rule.path])
            except CommandRefused as refused:
                self._notes.append(str(refused))
            else:
                self._asked[rule.path] = ruled[rule.path]
                self._set({rule.path: ruled[rule.path]}, told=True)

    def _saved_paths(self, now: Mapping[str, Any]) -> dict[str, Any]:
        """Those of objects whose content comes back by itself."""
        roots = {id(root): root for root in (self._bindings.root(path) for path in now)}
        saved = {key for key, root in roots.items() if self._is_saved(root)}
        return {path: value for path, value in now.items() if id(self._bindings.root(path)) in saved}

    def _unchanged(self, wanted: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
        """Those that code and config make as they did when somebody set them."""
        changed = [path for path in wanted if now[path] != self._before[path]]
        if not (changed and self._resumed and self._resumed[1]()):
            return dict(wanted)
        self._notes += [
            f"{path}: {now[path]!r:.60} of the new code or config is kept (the snapshot has {wanted[path]!r:.60}, set "
            "from outside)"
            for path in changed
        ]
        return {path: value for path, value in wanted.items() if path not in changed}

    def _set(self, values: Mapping[str, Any], *, told: bool = False) -> None:
        """Each for itself: one that is refused does not keep the others back."""
        for path, value in values.items():
            try:
                edit = self.edit if told or self._resumed else self._bindings.prepare
                applied = edit({path: value}).apply()
            except CommandRefused as refused:
                self._notes.append(str(refused))
            else:
                self._values |= applied.values if told else {}


def _parted(wanted: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Those that are exposed now, and the others."""
    there = {path: value for path, value in wanted.items() if path in now}
    return there, {path: value for path, value in wanted.items() if path not in now}
