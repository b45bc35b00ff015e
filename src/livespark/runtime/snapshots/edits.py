"""Which exposed values were set from outside: a run that goes on from a snapshot sets them again, and only these."""

from collections.abc import Iterable, Mapping
from typing import Any

from livespark.runtime.bindings import Bindings, Edit

__all__ = ("Edits", "is_below")


def is_below(path: str, above: str) -> bool:
    """Whether `path` is `above`, or of a part of it."""
    return path == above or path.startswith(f"{above}.")


class Edits:
    """What each value was before it was set first. Training thread."""

    def __init__(self) -> None:
        self._before: dict[str, Any] = {}
        self._asked: set[str] = set()

    def prepare(self, bindings: Bindings, values: dict[str, Any]) -> Edit:
        """As `Bindings.prepare`, and these values count from now on as set from outside."""
        edit = bindings.prepare(values)
        if new := values.keys() - self._asked:
            self._note(bindings.scalars(), new)
        return edit

    def _note(self, now: Mapping[str, Any], new: Iterable[str]) -> None:
        for asked in new:
            self._asked.add(asked)
            for path, value in now.items():
                if is_below(path, asked):
                    self._before.setdefault(path, value)

    def forget(self) -> None:
        """The script runs again, and exposes what it makes anew."""
        self._before.clear()
        self._asked.clear()

    def of(self, now: Mapping[str, Any]) -> dict[str, Any]:
        """`[before, now]` of each value that has been set, by path; `now` tells what the exposed values are."""
        return {
            path: [before, now[path]]
            for path, before in self._before.items()
            if path in now and not _same(before, now[path])
        }


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)
