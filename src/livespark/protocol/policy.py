"""Who may do what: scopes are ordered, each includes the ones below it."""

from enum import IntEnum
from typing import Final

__all__ = ("COMMAND_SCOPE", "Scope")


class Scope(IntEnum):
    """`read` sees everything; `control` pauses, stops, sets and calls; `data` writes files; `code` executes code
    (submits runs, reloads): equal to a shell; `admin` makes tokens and stops the server.

    `worker` stands apart: the secret of one run's worker, good for that run's worker routes and nothing else.
    """

    READ = 1
    CONTROL = 2
    DATA = 3
    CODE = 4
    ADMIN = 5
    WORKER = 100

    def includes(self, needed: "Scope") -> bool:
        if Scope.WORKER in (self, needed):
            return self is needed
        return self >= needed


COMMAND_SCOPE: Final[dict[str, Scope]] = {
    "pause": Scope.CONTROL,
    "resume": Scope.CONTROL,
    "stop": Scope.CONTROL,
    "set": Scope.CONTROL,
    "call": Scope.CONTROL,
    "reload": Scope.CODE,
    "snapshot": Scope.CONTROL,
    "rewind": Scope.CONTROL,
}
"""Every command kind; a test walks the union."""
