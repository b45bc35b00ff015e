"""What a run's source was, and what became of its reloads, as the HTTP API tells it."""

from msgspec import Struct

from livespark.protocol.events import Reloaded

__all__ = ("CodeFile", "CodeList", "CodeText", "ReloadPage", "ReloadRecord")


class CodeFile(Struct, frozen=True):
    """A version of one file, as `events.Source` has it. `seq` is that event's number, `step` the run's step then.

    `size`: of the text, in bytes of UTF-8; None where the text was never received.
    """

    path: str
    hash: str
    seq: int
    step: int | None = None
    size: int | None = None


class CodeList(Struct, frozen=True):
    """Answer of `GET /api/runs/{run}/code`: of each file the version that counts, by path."""

    files: list[CodeFile]


class CodeText(Struct, frozen=True):
    """Answer of `GET /api/runs/{run}/code/{hash}`."""

    hash: str
    text: str


class ReloadRecord(Struct, frozen=True):
    """A reload in a run's history: event `seq`, at Unix time `time`."""

    seq: int
    time: float
    event: Reloaded


class ReloadPage(Struct, frozen=True):
    """Answer of `GET /api/runs/{run}/reloads`, oldest first. `next`: pass as `after` for the following page; None when
    this is the last."""

    reloads: list[ReloadRecord]
    next: int | None = None
