"""Names of things, as types that can't be mixed up."""

import re
from typing import NamedTuple, NewType

__all__ = ("CommandId", "Cursor", "Epoch", "RunId", "is_run_id")

RunId = NewType("RunId", str)
"""Made by the server, readable, unique on it: `quiet-otter`, `quiet-otter-2`. Safe as one path segment."""

CommandId = NewType("CommandId", str)
"""Made by whoever asks (a UUID): asking twice under one id is asking once."""

Epoch = NewType("Epoch", str)
"""Identity of one run's event log: eight hex digits. Another epoch means that earlier cursors mean nothing."""

_RUN_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z", re.ASCII)
_CURSOR = re.compile(r"([0-9a-f]{8})-(0|[1-9][0-9]{0,17})\Z", re.ASCII)


def is_run_id(text: str) -> bool:
    return len(text) <= 64 and _RUN_ID.match(text) is not None


class Cursor(NamedTuple):
    """A position in a run's event log: everything up to and including `seq` is known. On the wire `<epoch>-<seq>`."""

    epoch: Epoch
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> "Cursor | None":
        """The cursor that `text` names, or None where it names none."""
        match = _CURSOR.match(text)
        return cls(Epoch(match[1]), int(match[2])) if match else None
