"""What can be asked of a run, and how it is answered."""

from typing import Any, Literal, TypeAlias

from msgspec import UNSET, Struct, UnsetType

from livespark.protocol.ids import CommandId

__all__ = (
    "Answer",
    "Ask",
    "Call",
    "Command",
    "CommandRecord",
    "Delivery",
    "Failure",
    "Frame",
    "Outcome",
    "Pause",
    "Reload",
    "Resume",
    "Rewind",
    "Set",
    "Snapshot",
    "Stop",
    "kind_of",
)


class Pause(Struct, frozen=True, tag_field="kind", tag="pause", forbid_unknown_fields=True):
    """Stand still at the next checkpoint."""


class Resume(Struct, frozen=True, tag_field="kind", tag="resume", forbid_unknown_fields=True):
    """Go on. A no-op when not paused; withdraws a pause that has not been reached."""


class Stop(Struct, frozen=True, tag_field="kind", tag="stop", forbid_unknown_fields=True):
    """End at the next checkpoint, as `stopped`, or as `cancelled` where `cancel` is set."""

    cancel: bool = False


class Reload(Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="reload", forbid_unknown_fields=True):
    """Take new source, keep the state.

    The source is what is on disk now; with `files`, the texts given there, by path inside the project (or the script's
    path), which then count as newer than what is on disk. `skip`: the item that an exception interrupted is left out.
    `clear`: keys of persisted values that are to be made anew. A run's history keeps the paths, not the texts.
    """

    files: dict[str, str] = {}
    skip: bool = False
    clear: list[str] = []


class Set(Struct, frozen=True, tag_field="kind", tag="set", forbid_unknown_fields=True):
    """Change exposed values: path (see `paths`) to new value. All of them, or none."""

    values: dict[str, Any]


class Call(Struct, frozen=True, tag_field="kind", tag="call", forbid_unknown_fields=True):
    """Call an exposed function by its path."""

    function: str
    args: list[Any] = []
    kwargs: dict[str, Any] = {}


class Snapshot(Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="snapshot", forbid_unknown_fields=True):
    """Save the run's state. One with a label stays for ever. Answered when it is durable, with its `SnapshotInfo`."""

    label: str = ""


class Rewind(Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="rewind", forbid_unknown_fields=True):
    """Put the state of a snapshot back, and go on from there.

    Of `snapshot`, or of the newest that is not beyond `step`, or of the newest. Then `values` are set, as by a `Set`.
    `skip`: the items from there to here are left out.
    """

    snapshot: int | None = None
    step: int | None = None
    values: dict[str, Any] = {}
    skip: bool = False


Command: TypeAlias = Pause | Resume | Stop | Reload | Set | Call | Snapshot | Rewind


def kind_of(command: Command) -> str:
    return str(command.__struct_config__.tag)


class Ask(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /api/runs/{run}/commands`."""

    id: CommandId
    command: Command


class Frame(Struct, frozen=True, omit_defaults=True):
    """One level of a traceback. Locals are texts, cut to a readable length."""

    file: str
    line: int
    function: str
    source: str = ""
    locals: dict[str, str] = {}


class Failure(Struct, frozen=True, omit_defaults=True):
    """An exception as data. `frames` run from the outermost to the one that raised."""

    type: str
    message: str
    traceback: str = ""
    frames: list[Frame] = []


Outcome: TypeAlias = Literal["applied", "refused", "failed", "unknown"]


class Answer(Struct, frozen=True, omit_defaults=True):
    """How a command ended. There is exactly one for every command.

    `applied`: done at `step`; `value` is the call's result or, for a set, what the values are now.
    `refused`: nothing was done; `message` is the reason.
    `failed`: the called function raised; `error` tells.
    `unknown`: it was started and the worker died before answering. It is never tried again.
    """

    outcome: Outcome
    step: int | None = None
    value: Any | UnsetType = UNSET
    message: str = ""
    error: Failure | None = None


class CommandRecord(Struct, frozen=True, omit_defaults=True):
    """A command as the server keeps it. `number` is dense per run, from 1, in order of arrival."""

    id: CommandId
    run: str
    number: int
    command: Command
    actor: str
    created: float
    started: float | None = None
    answered: float | None = None
    answer: Answer | None = None


class Delivery(Struct, frozen=True):
    """A command on its way to the worker. The stream's SSE id is `number`."""

    number: int
    id: CommandId
    actor: str
    command: Command
