"""Saved state: what a snapshot's manifest says, and how a run takes, keeps and uses snapshots. Pure words.

A run's snapshots lie in one folder (`livespark.snapshots` reads and writes it):

    7.json                            the manifest of snapshot 7, renamed into place when all it names is on disk
    objects/<hash>.safetensors        one large array, or the small ones of one snapshot together
    objects/<hash>.pickle             what only pickle can hold

An array file's name is the XXH3-128 of its bytes, a pickle's the SHA-256. A manifest file is
`{"sha256":"<of the bytes behind the next comma>","seal":"<HMAC-SHA-256 of the body>","snapshot":<body>}` and a line
feed; the body is a `Manifest`.
"""

from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

from livespark.protocol.ids import RunId

__all__ = (
    "LONGEST_LABEL",
    "ArrayEntry",
    "AutoRewind",
    "Cause",
    "InMemory",
    "Manifest",
    "Origin",
    "Relation",
    "Rule",
    "SavedValue",
    "SnapshotDetail",
    "SnapshotInfo",
    "SnapshotList",
    "Snapshotting",
)

LONGEST_LABEL: Final = 200
"""Characters."""

Cause: TypeAlias = Literal["asked", "every", "best", "stop", "signal", "end"]
"""Why a snapshot was taken: somebody asked (the script included), its time had come, a metric was better than ever, the
run was stopped, was ended from outside by SIGTERM, or the script returned."""

Relation: TypeAlias = Literal["resume", "fork", "retry"]
"""`resume`: a new run goes on where the other ended. `fork`: a new run branches off, with other code or config.
`retry`: the same run, in a new process after its last one died."""


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """A change of an exposed number: `optimizer.lr *= 0.5` is `Rule("optimizer.lr", "*=", 0.5)`."""

    path: str
    operator: Literal["=", "+=", "-=", "*=", "/="]
    value: float


class AutoRewind(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Go back by itself when `metric` is not finite, or more than `spike` times its running median (0: only when it is
    not finite): to the newest snapshot that is at least `steps` steps old, at most `times` times.

    Then `rules` are applied; with `skip`, the items that led there are left out.
    """

    metric: str = "loss"
    spike: float = 0.0
    steps: int = 100
    times: int = 3
    rules: list[Rule] = []
    skip: bool = False


class Snapshotting(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """When a run takes snapshots by itself, and which of them stay.

    `every_steps`, `every_seconds`: 0 means never. `on_end`: when it is stopped, ended by a signal, or done. `keep`: so
    many of the newest stay on disk; `best` and `keep_best`: and so many of those with the best value of a metric
    (`max:accuracy`, `min:loss`; a bare name means what its name suggests); and those with a label. `memory`: so many of
    the newest are kept in host memory, too; None: as many as fit well, 4 at the most.
    """

    every_steps: int = 0
    every_seconds: float = 600.0
    on_end: bool = True
    keep: int = 3
    best: str = ""
    keep_best: int = 1
    memory: int | None = None
    rewind: AutoRewind | None = None


class Origin(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where a run's state comes from: a snapshot (None: the newest good one) of `run`.

    `fresh`: keys of persisted values that are made anew all the same.
    """

    run: RunId
    snapshot: int | None = None
    relation: Relation = "resume"
    step: int | None = None
    fresh: list[str] = []


class SnapshotInfo(Struct, frozen=True, omit_defaults=True):
    """A snapshot on disk as lists show it. Sizes in bytes: `size` of all it holds, `written` of what was new.

    `stall`: seconds for which the training stood still; `seconds`: until it was durable. `metrics`: the newest value of
    each, as `events.Number`. `message`: what is odd about it, as a sentence.
    """

    number: int
    time: float
    cause: Cause
    step: int | None = None
    label: str = ""
    size: int = 0
    written: int = 0
    stall: float = 0.0
    seconds: float = 0.0
    metrics: dict[str, int | float | str] = {}
    message: str = ""


class InMemory(Struct, frozen=True, omit_defaults=True):
    """A snapshot that is in the worker's host memory, be it on disk or not. Part of the live document."""

    number: int
    time: float
    step: int | None = None
    size: int = 0


class SnapshotList(Struct, frozen=True):
    """Oldest first."""

    snapshots: list[SnapshotInfo]


class ArrayEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """An array: bytes `start` to `end` of the file of object `object`, little-endian, in C order.

    `dtype` is safetensors' name (`F32`, `BF16`, `I64`, `BOOL`, ...).
    """

    dtype: str
    shape: list[int]
    object: str
    start: int
    end: int


class SavedValue(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One persisted value.

    `tree`: its content, see `runtime/snapshots/trees.py`; an array in it is `{"$": "array", "i": index}`, a pickle
    `{"$": "pickle", "i": index}`. `made`: the plain numbers and texts in it by path, as the script's initializer made
    them; what differs there in a fork has been changed by its code or config, and wins.
    """

    type: str
    tree: Any
    made: dict[str, Any] = {}


class Manifest(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """All there is to know of a snapshot. `loops`, `generators`, `journal`: trees as in `SavedValue`.

    `exposed`: values of bindings for people to read; `edits`: of those that were set from outside, and which a resumed
    run sets again, `[before, now]`. `code`: SHA-256 of each source file by path. `packages`: versions by name.
    `pickles`: SHA-256 of each.
    """

    format: int
    run: RunId
    info: SnapshotInfo
    values: dict[str, SavedValue]
    arrays: list[ArrayEntry]
    pickles: list[str] = []
    loops: Any = None
    generators: Any = None
    journal: Any = None
    exposed: dict[str, Any] = {}
    edits: dict[str, Any] = {}
    config: dict[str, Any] = {}
    code: dict[str, str] = {}
    packages: dict[str, str] = {}
    python: str = ""


class SnapshotDetail(Struct, frozen=True, omit_defaults=True):
    """A snapshot in detail: the manifest without trees. Of each persisted value its type, its `arrays` as `[path,
    dtype, shape, bytes]`, and its `plain` values as `[path, value]`, in order."""

    info: SnapshotInfo
    types: dict[str, str]
    arrays: dict[str, list[tuple[str, str, list[int], int]]]
    plain: dict[str, list[tuple[str, Any]]]
    exposed: dict[str, Any] = {}
    config: dict[str, Any] = {}
    code: dict[str, str] = {}
    packages: dict[str, str] = {}
    python: str = ""
