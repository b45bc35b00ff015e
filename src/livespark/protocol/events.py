"""What happens in a run. Events are numbered densely from 1 by the server as it commits them."""

from typing import Literal, TypeAlias

from msgspec import Struct

from livespark.protocol.commands import Answer, Command, Failure
from livespark.protocol.ids import CommandId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import LiveDelta

__all__ = (
    "Answered",
    "Batch",
    "Commanded",
    "Event",
    "Hello",
    "Level",
    "Metrics",
    "Notice",
    "Number",
    "Receipt",
    "Report",
    "Started",
    "Status",
    "Stored",
    "Thinned",
    "Timed",
    "Welcome",
)

Number: TypeAlias = int | float | str
"""A metric value on the wire. Finite floats and integers up to 2**53 in magnitude are JSON numbers; `"nan"`, `"inf"`,
`"-inf"` and larger integers (decimal) are strings, because JSON or JavaScript can't hold them."""

Level: TypeAlias = Literal["info", "warning", "error"]


class Status(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="status"):
    """The run is in `state` now. `reason` is a sentence for people."""

    state: RunState
    step: int | None = None
    reason: str = ""
    error: Failure | None = None


class Metrics(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="metrics"):
    """Rows of one set of metric names, in columns of equal length. `times` are Unix seconds."""

    steps: list[int]
    times: list[float]
    series: dict[str, list[Number]]


class Thinned(Struct, frozen=True, tag_field="type", tag="thinned"):
    """A visible gap: metric rows that the spool's bound made the worker drop, between two steps inclusive."""

    rows: int
    first_step: int
    last_step: int


class Commanded(Struct, frozen=True, tag_field="type", tag="commanded"):
    """Somebody asked for something."""

    id: CommandId
    number: int
    actor: str
    command: Command


class Started(Struct, frozen=True, tag_field="type", tag="started"):
    """The worker began to execute command `number`; from here on it is never executed again."""

    id: CommandId
    number: int


class Answered(Struct, frozen=True, tag_field="type", tag="answered"):
    """A command's one answer."""

    id: CommandId
    number: int
    answer: Answer


class Notice(Struct, frozen=True, tag_field="type", tag="notice"):
    """A sentence for the person who watches: what is odd, and what to do. `code` names the kind of notice."""

    level: Level
    code: str
    text: str


Event: TypeAlias = Status | Metrics | Thinned | Commanded | Started | Answered | Notice


class Timed(Struct, frozen=True):
    """An event on its way from the worker, with the Unix time at which it happened."""

    time: float
    event: Event


class Stored(Struct, frozen=True):
    """An event as every client sees it."""

    seq: int
    time: float
    event: Event


class Batch(Struct, frozen=True):
    """Events in order. `number` is dense per incarnation, from 1; the server recognises a repeat by it."""

    number: int
    events: list[Timed]


class Hello(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /api/worker/hello`, before anything else on every (re)connection."""

    incarnation: int
    pid: int
    host: str
    python: str
    version: str
    protocol: int


class Welcome(Struct, frozen=True):
    """Answer to `Hello`: the last batch that is committed (0: none), and how many clients watch."""

    acknowledged: int
    watchers: int


class Report(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Body of `POST /api/worker/report`. `live` is latest-wins and never repeated; `batches` are durable."""

    incarnation: int
    batches: list[Batch] = []
    live: LiveDelta | None = None


class Receipt(Struct, frozen=True, omit_defaults=True):
    """Answer to `Report`. `resync`: the server holds no base for the live delta; send a full one."""

    acknowledged: int
    watchers: int
    resync: bool = False
