"""A run as it is asked for, started, and seen."""

from typing import Any, Literal, TypeAlias

from msgspec import Struct

from livespark.protocol.commands import Failure
from livespark.protocol.ids import Epoch, RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.snapshots import Origin, Snapshotting

__all__ = (
    "Entry",
    "ExitRecord",
    "Fork",
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
    `exit_on_end` (with `dev`): do not stay `idle` or `held`; end. `origin`: begin with the state of a snapshot.
    `retries`: how often the run is started again from its newest snapshot when its process dies or the script raises.
    `restart`: also, uncounted, after the machine was restarted. `inherits`, with `origin`: of these fields, or parts of
    them (`snapshots.keep`), what counts is how that run was submitted.
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
    snapshots: Snapshotting = Snapshotting()
    origin: Origin | None = None
    retries: int = 0
    restart: bool = False
    inherits: list[str] = []


class Fork(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Body of `POST /api/runs/{run}/fork`: a new run with the entry, folder and settings of this one, from a snapshot
    (None: the newest good one). `config`: what differs. `key` as in `Submit`. `origin.fresh` as there."""

    key: str
    snapshot: int | None = None
    config: dict[str, Any] = {}
    name: str = ""
    relation: Literal["resume", "fork"] = "fork"
    fresh: list[str] = []


class Run(Struct, frozen=True, omit_defaults=True):
    """A run as clients see it. Times are Unix seconds. `last_seq` is the newest event's number, `first_seq` the
    oldest kept. `best`: the metric of `Snapshotting.best`."""

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
    origin: Origin | None = None
    retries: int = 0
    best: str = ""


class RunList(Struct, frozen=True):
    """Newest first. `next`: pass as `before` for the following page; None when this is the last."""

    runs: list[Run]
    next: float | None = None


class Launch(Struct, frozen=True, forbid_unknown_fields=True):
    """`launch.json` in the run's directory (mode 0600): all that keeper and worker need to know.

    `server_file` is the file in which a (restarted) server writes its address; `token` the run's own secret. Snapshots
    go to `snapshot_dir`, and are sealed with the key `seal` (hex); those of `origin` lie in `origin_dir`.
    `persistent`: the run may be started again, so the worker does not report the script's exception, or a SIGTERM from
    outside, as the run's end.
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
    snapshots: Snapshotting = Snapshotting()
    snapshot_dir: str = ""
    seal: str = ""
    origin: Origin | None = None
    origin_dir: str = ""
    persistent: bool = False


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
