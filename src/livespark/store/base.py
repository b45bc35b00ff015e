"""The port behind which everything durable lies. One suite in tests/contract holds for every adapter.

A method that returns has committed (R1): an answer given after it survives power loss. Appending is idempotent by
its key. A store takes every time from its caller; it has no clock of its own.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

from livespark.errors import LivesparkError
from livespark.protocol.code import CodeFile
from livespark.protocol.commands import Answer, Ask, CommandRecord
from livespark.protocol.events import Attempt, Batch, Timed
from livespark.protocol.ids import CommandId, RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import LiveDoc
from livespark.protocol.policy import Scope
from livespark.protocol.runs import Run, Submit
from livespark.protocol.snapshots import SnapshotInfo

__all__ = (
    "Appended",
    "BatchGap",
    "Code",
    "Commands",
    "Credential",
    "Credentials",
    "Fenced",
    "Listener",
    "Prospects",
    "RunClosed",
    "Snapshots",
    "StorageFull",
    "Store",
    "StoreUnusable",
    "StoredBody",
    "UnknownRun",
)


class StorageFull(LivesparkError):
    """The data directory's disk is full (or its quota used up). Free some space; nothing acknowledged was lost."""


class StoreUnusable(LivesparkError):
    """The database can't be opened; the text says why and what to do."""


class UnknownRun(LivesparkError):
    """The store knows no run of that name."""


class RunClosed(LivesparkError):
    """The run has ended; `state` says how."""

    def __init__(self, state: RunState) -> None:
        super().__init__(f"the run has ended ({state.value})")
        self.state = state


class BatchGap(LivesparkError):
    """A batch came out of order; `expected` is the number that must come next."""

    def __init__(self, expected: int) -> None:
        super().__init__(f"batch {expected} must come next")
        self.expected = expected


class Fenced(LivesparkError):
    """The incarnation is not the run's newest."""


class StoredBody(Struct, frozen=True):
    """A committed event; `body` is its JSON object `{"seq":..,"time":..,"event":{..}}`, as it goes to every client."""

    seq: int
    body: bytes


class Credential(Struct, frozen=True):
    """A token as the store knows it: by the SHA-256 of its text, never by its text. `run` binds a worker's secret.

    `parent` is the credential it was made from: it goes when that one goes.
    """

    digest: bytes
    scope: Scope
    label: str
    created: float
    expires: float | None = None
    run: RunId | None = None
    parent: bytes | None = None


class Appended(Struct, frozen=True):
    """What one commit did to a run: how it stands now, its new events, which commands have their answer."""

    run: Run
    events: list[StoredBody] = []
    answered: list[CommandId] = []
    settled: bool = False


class Prospects(Struct, frozen=True):
    """Whether a run whose process is gone may be started again. `left`: how often; `end_asked`: somebody has asked for
    its end; `repeats`: it has failed as the attempt before, at the same step."""

    left: int
    end_asked: bool
    repeats: bool


Listener: TypeAlias = Callable[[Appended], None]


class Credentials(Protocol):
    """Tokens: the part of the store that says who may do what."""

    async def add_credential(self, credential: Credential) -> None: ...

    async def replace_credential(self, credential: Credential) -> None:
        """Make this the only one of its label. The others, and what was made from them, go."""

    async def find_credential(self, digest: bytes) -> Credential | None: ...

    async def drop_credential(self, digest: bytes) -> list[bytes]:
        """Drop it and what was made from it; -> the digests of all that went."""

    async def drop_expired(self, now: float) -> None: ...


class Code(Protocol):
    """What `Source` events say, their texts kept once for all runs; what `Reloaded` events there are."""

    async def code_at(self, run: RunId, *, seq: int | None = None, step: int | None = None) -> list[CodeFile]:
        """Of each file the newest version up to event `seq` and up to `step` (a version without a step counts as
        before all), by path. Trimmed events count, too."""

    async def get_text(self, run: RunId, hash: str) -> str | None:
        """The text of that hash; None where the run has no such version, or has not sent its text."""

    async def read_reloads(self, run: RunId, after: int, limit: int) -> list[StoredBody]:
        """The `Reloaded` events after number `after`, as `read_events` does."""


class Commands(Protocol):
    """What was asked of runs."""

    async def add_command(self, run: RunId, ask: Ask, actor: str, *, now: float) -> CommandRecord:
        """Commit a command and its `commanded` event, or return the earlier record of the same id. Raises RunClosed."""

    async def get_command(self, run: RunId, id: CommandId) -> CommandRecord | None: ...

    async def open_commands(self, run: RunId, after: int = 0) -> list[CommandRecord]:
        """Those numbered above `after` that have no answer, in order."""

    async def answer_command(self, run: RunId, id: CommandId, answer: Answer, *, now: float) -> None:
        """Commit an answer the service gives itself. No-op when there is one."""


class Snapshots(Protocol):
    """What `Snapshotted` and `SnapshotsRemoved` events say. Trimmed events count, too."""

    async def list_snapshots(self, run: RunId) -> list[SnapshotInfo]:
        """Those on disk, by number."""

    async def find_snapshot(self, run: RunId, number: int) -> tuple[SnapshotInfo, bool] | None:
        """A snapshot of the run, and whether it is still on disk; None where there never was one."""


class Store(Credentials, Code, Commands, Snapshots, Protocol):
    """Async facade; the SQLite adapter does all writing on one thread with group commit. Raises StorageFull from
    any write, UnknownRun from any write to a run that is not there."""

    def listen(self, listener: Listener) -> None:
        """Tell `listener` of every commit that changes a run, on the event loop, in commit order, before the writer
        hears of its success, and also when the writer has been cancelled. One listener."""

    async def close(self) -> None: ...

    # runs
    async def create_run(self, submit: Submit, run: Run) -> tuple[Run, bool]:
        """Insert `run` under a free id (its wish, else with -2, -3, ... appended), and True; the earlier run and
        False where `submit.key` is known."""

    async def get_run(self, run: RunId) -> Run | None: ...

    async def get_run_by_key(self, key: str) -> Run | None:
        """The run that was submitted under `key`."""

    async def get_submit(self, run: RunId) -> Submit | None:
        """What was asked for; its environment, which may hold secrets, is empty once the run is settled."""

    async def list_runs(self, *, alive_only: bool = False, before: float | None = None, limit: int = 100) -> list[Run]:
        """Newest first."""

    async def unsettled_runs(self) -> list[Run]:
        """Those of which the end is not settled yet, oldest first."""

    async def is_settled(self, run: RunId) -> bool: ...

    async def settle(self, run: RunId, *, now: float) -> None:
        """The run has ended and its process is gone: answer its open commands (*unknown* when started, else *refused*),
        forget the environment that was submitted and the worker's secret."""

    # events
    async def append_batches(self, run: RunId, incarnation: int, batches: Sequence[Batch], *, now: float) -> int:
        """Commit those not known yet, with the changes they imply (run's state, step, answers). -> last committed
        batch.

        Raises Fenced, BatchGap."""

    async def append_events(self, run: RunId, events: Sequence[Timed], *, expected: RunState | None = None) -> Run:
        """Commit events of the service's own with the changes they imply. A status that may not follow the run's
        state, which the worker was quick to change, is left out; so is everything when the state is not
        `expected`."""

    async def read_events(self, run: RunId, after: int, limit: int) -> list[StoredBody]:
        """The first ones after number `after`: at most `limit`, and about 4 MB; [] when there are no more."""

    async def trim(self, run: RunId, keep: int, *, limit: int = 10_000) -> int:
        """Forget the oldest events but the newest `keep`, at most `limit` of them at once; -> how many went."""

    # incarnations
    async def begin(self, run: RunId, incarnation: int, worker: Credential, *, now: float) -> bool:
        """A worker of a queued run is about to be started, with this secret: the run is `starting`, earlier
        incarnations are fenced off and their secret is worth nothing. False, and nothing happens, when the run is
        not queued any more."""

    async def prospects(self, run: RunId) -> Prospects | None: ...

    async def again(self, run: RunId, attempt: Attempt, *, now: float) -> bool:
        """The run's process is gone, and the run shall be started again: commit the attempt and that the run is
        `queued`; commands that were started are answered *unknown*, others wait for the next worker. False, and nothing
        happens, when the run has ended, is queued already, or somebody has asked for its end."""

    async def greet(self, run: RunId, incarnation: int, *, pid: int, host: str, now: float) -> int:
        """A worker says hello: -> last committed batch of this incarnation. Raises Fenced for an older one."""

    async def revive(self, run: RunId, *, now: float) -> None:
        """The worker of a lost run is heard again: commit the state that the run had before. No-op for any other
        run."""

    # live document: only the newest is kept
    async def save_live(self, run: RunId, live: LiveDoc) -> None: ...

    async def load_live(self, run: RunId) -> LiveDoc | None: ...
