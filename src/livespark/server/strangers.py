"""Connections over which nobody has shown a token yet: few at a time, so that they never take the place of the others.

Anybody on this machine can open connections and say nothing. Each costs a descriptor, and a server without descriptors
would be closed to its owner, too.
"""

import resource
from collections.abc import Callable, MutableMapping
from typing import Any, Final

__all__ = ("INTRODUCED", "Strangers", "introduce", "room")

INTRODUCED: Final = "livespark.introduced"
"""What the state of a request's scope calls the function that says: somebody with a token is there."""

_FEWEST: Final = 32
_MOST: Final = 512
_SHARE: Final = 8


class Strangers:
    """At most `most` at a time, in order of arrival; where one more comes, the oldest is turned out."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._waiting: dict[object, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def admit(self, who: object, turn_out: Callable[[], None]) -> None:
        """A new connection; `turn_out` ends it."""
        self._waiting[who] = turn_out
        while len(self._waiting) > self.most:
            self._waiting.pop(next(iter(self._waiting)))()

    def forget(self, who: object) -> None:
        """It has ended, or is no stranger any more."""
        self._waiting.pop(who, None)


def introduce(scope: MutableMapping[str, Any]) -> None:
    """The request of this scope came with a token that counts."""
    introduced = scope.get("state", {}).get(INTRODUCED)
    if introduced:
        introduced()


def room() -> int:
    """How many strangers this process has room for: an eighth of the descriptors that it may have."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if limit == resource.RLIM_INFINITY else max(_FEWEST, min(_MOST, limit // _SHARE))
