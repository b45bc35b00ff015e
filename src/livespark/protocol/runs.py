"""A run as it is asked for, started, and seen."""

from typing import Any, Literal, TypeAlias

from msgspec import Struct

from livespark.protocol.commands import Failure
from livespark.protocol.ids import Epoch, RunId
from livespark.protocol.lifecycle import RunState

__all__ = (
    "Entry",
    "ExitRecord",
    "KeeperRecord",
    "Launch",
    "Mode",
    "ProcessId",
    "Reloading",
    "Run",
    "RunList",
    "Submit",
)

Mode: TypeAlias = Literal["dev", "run"]
"""`dev` keeps the process after the script's end (`idle`) and after an exception (`held`); `run` ends with the
script."""


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """What to execute: exactly one of a script's path and a module's name (as in `python -m`), and its arguments."""

    script: str = ""
    module: str = ""
    args: list[str] = []


class Reloading(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a run takes new code. `watch`: when a file of the project is saved, without being asked.

    `guard`: for so many steps after a reload, an exception or a `metric` that is not finite takes the run back to the
    code and the persisted values from before (0: no guard, no copy of the values).
    """

    watch: bool = False
    guard: int = 0
    metric: str = "loss"


class Submit(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /api/runs`. `key` is made by the client: submitting twice under one key is submitting once.

    The run executes in place: in directory `cwd`, with the interpreter `python` and exactly the environment `env`.
    `exit_on_end` (with `dev`): do not stay `idle` or `held`; end.
    """

    key: str
    entry: Entry
    cwd: str
    python: str
    env: dict[str, str]
    mode: Mode = "run"
    name: str = ""
    config: dict[str, Any] = {}
    exit_on_end: bool = False
    reloading: Reloading = Reloading()


class Run(Struct, frozen=True, omit_defaults=True):
    """A run as clients see it. Times are Unix seconds. `last_seq` is the newest event's number, `first_seq` the
    oldest kept."""

    id: RunId
    name: str
    mode: Mode
    state: RunState
    epoch: Epoch
    created: float
    entry: Entry
    cwd: str
    python: str
    first_seq: int = 1
    last_seq: int = 0
    reason: str = ""
    error: Failure | None = None
    step: int | None = None
    started: float | None = None
    ended: float | None = None
    heard: float | None = None
    incarnation: int = 0
    pid: int | None = None
    host: str = ""
    config: dict[str, Any] = {}
    watchers: int = 0


class RunList(Struct, frozen=True):
    """Newest first. `next`: pass as `before` for the following page; None when this is the last."""

    runs: list[Run]
    next: float | None = None


class Launch(Struct, frozen=True, forbid_unknown_fields=True):
    """`launch.json` in the run's directory (mode 0600): all that keeper and worker need to know.

    `server_file` is the file in which a (restarted) server writes its address; `token` the run's own secret.
    """

    run: RunId
    incarnation: int
    entry: Entry
    cwd: str
    python: str
    env: dict[str, str]
    mode: Mode
    config: dict[str, Any]
    exit_on_end: bool
    server_file: str
    token: str
    reloading: Reloading = Reloading()


class ProcessId(Struct, frozen=True):
    """A process. `created` tells it from a later one with the same number: a mark that the kernel gave it at its start
    (see `transport.processes`), the same whatever becomes of the clock."""

    pid: int
    created: str


class KeeperRecord(Struct, frozen=True):
    """`keeper.json` in the run's directory."""

    incarnation: int
    keeper: ProcessId
    worker: ProcessId | None = None
    error: str = ""


class ExitRecord(Struct, frozen=True):
    """`exit.json` in the run's directory. `code` is the exit status, negative for a signal."""

    incarnation: int
    code: int
    ended: float
