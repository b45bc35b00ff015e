"""What happens in a run. Events are numbered densely from 1 by the server as it commits them."""

from typing import Any, Literal, TypeAlias

from msgspec import Struct

from livespark.protocol.commands import Answer, Command, Failure
from livespark.protocol.ids import CommandId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import LiveDelta
from livespark.protocol.snapshots import Cause, Origin, SnapshotInfo

__all__ = (
    "Answered",
    "Attempt",
    "Batch",
    "Commanded",
    "Event",
    "FileChange",
    "Hello",
    "Level",
    "Metrics",
    "Notice",
    "Number",
    "Receipt",
    "ReloadKind",
    "ReloadOutcome",
    "Reloaded",
    "Report",
    "Resumed",
    "Rewound",
    "SnapshotFailed",
    "SnapshotsRemoved",
    "Snapshotted",
    "Source",
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


class Source(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="source"):
    """From here on the run executes this version of one file. `path` is relative to the project's folder, or absolute.

    `hash` is the SHA-256 of the text in UTF-8, in hex. The worker sends the `text`; the store keeps each text once and
    leaves it out of the event that clients see.
    """

    path: str
    hash: str
    step: int | None = None
    text: str = ""


ReloadKind: TypeAlias = Literal["soft", "hard"]
"""`soft`: definitions were replaced between two steps. `hard`: the script unwound and runs again from its top."""

ReloadOutcome: TypeAlias = Literal["applied", "refused", "undone"]


class FileChange(Struct, frozen=True, omit_defaults=True):
    """One file of a reload. Hashes as in `Source`, empty where there is no such version; `diff` is a unified diff."""

    path: str
    before: str = ""
    after: str = ""
    diff: str = ""


class Reloaded(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="reloaded"):
    """New source has come, and what became of it.

    `applied`: it runs; with `error`, it has raised before its first checkpoint, and the run is held. `refused`: nothing
    has happened, `message` tells why, `error` where. `undone`: it ran, and the code before it is back; `error` or
    `message` tells why. `kind` is None where it was refused before that was known. `seconds`: from the change being
    noticed to the new code being in place. `changed`: what changed, as names (`model.Net.forward`).
    """

    outcome: ReloadOutcome
    kind: ReloadKind | None = None
    step: int | None = None
    seconds: float = 0.0
    changed: list[str] = []
    files: list[FileChange] = []
    message: str = ""
    error: Failure | None = None


class Snapshotted(Struct, frozen=True, tag_field="type", tag="snapshotted"):
    """A snapshot is complete and durable."""

    snapshot: SnapshotInfo


class SnapshotFailed(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="snapshot-failed"):
    """A snapshot could not be taken or written; `message` tells why. Training goes on, older ones are intact."""

    cause: Cause
    message: str
    step: int | None = None
    label: str = ""


class SnapshotsRemoved(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="snapshots-removed"):
    """These are no longer on disk. `actor`: who removed them; empty: newer ones have taken their place."""

    numbers: list[int]
    actor: str = ""


class Rewound(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="rewound"):
    """State has gone back from `from_step` to `step`, that of `snapshot`. Metrics from here on are a new branch.

    `in_place`: without running the script again, so loops and data went on. `automatic`: `reason` tells why. `values`:
    what was changed then. `seconds`: from the checkpoint at which it began to the next step's beginning.
    """

    snapshot: int
    step: int | None = None
    from_step: int | None = None
    in_memory: bool = False
    in_place: bool = False
    automatic: bool = False
    reason: str = ""
    values: dict[str, Any] = {}
    seconds: float = 0.0
    message: str = ""


class Resumed(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="resumed"):
    """The worker has begun with the state of a snapshot. Metrics from here on are a new branch. `notes`: what did not
    come back, which snapshots were damaged and left out, what code or config has changed, as sentences."""

    origin: Origin
    step: int | None = None
    notes: list[str] = []


class Attempt(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="attempt"):
    """The run's process has died and is started again: this is incarnation `incarnation`, `left` more may follow.

    `reason` and `error`: how the last one ended, at `step`; `delay`: seconds until the start.
    """

    incarnation: int
    left: int
    reason: str
    delay: float = 0.0
    error: Failure | None = None
    step: int | None = None


Event: TypeAlias = (
    Source
    | Reloaded
    | Status
    | Metrics
    | Thinned
    | Commanded
    | Started
    | Answered
    | Notice
    | Snapshotted
    | SnapshotFailed
    | SnapshotsRemoved
    | Rewound
    | Resumed
    | Attempt
)


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
