"""The port behind which everything durable lies. One suite in tests/contract holds for every adapter.

A method that returns has committed (R1): an answer given after it survives power loss. Appending is idempotent by
its key.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from livespark.errors import LivesparkError
from livespark.protocol.commands import Answer, Ask, CommandRecord
from livespark.protocol.events import Batch, Event
from livespark.protocol.ids import CommandId, RunId
from livespark.protocol.live import LiveDoc
from livespark.protocol.policy import Scope
from livespark.protocol.runs import Run, Submit

__all__ = ("BatchGap", "Credential", "Fenced", "StorageFull", "Store", "StoredBody")


class StorageFull(LivesparkError):
    """The data directory's disk is full (or its quota used up). Free some space; nothing acknowledged was lost."""


class BatchGap(LivesparkError):
    """A batch came out of order; `expected` is the number that must come next."""

    def __init__(self, expected: int) -> None:
        super().__init__(f"batch {expected} must come next")
        self.expected = expected


class Fenced(LivesparkError):
    """The incarnation is not the run's newest."""


class StoredBody(Struct, frozen=True):
    """A committed event; `body` is its JSON object `{"seq":..,"time":..,"event":{..}}`, framed as it goes to every
    client."""

    seq: int
    body: bytes


class Credential(Struct, frozen=True):
    """A token as the store knows it: by the SHA-256 of its text, never by its text. `run` binds a worker's secret."""

    digest: bytes
    scope: Scope
    label: str
    created: float
    expires: float | None = None
    run: RunId | None = None


class Store(Protocol):
    """Async facade; the SQLite adapter does all writing on one thread with group commit. Raises StorageFull from any
    write."""

    async def close(self) -> None: ...

    # runs
    async def create_run(self, submit: Submit, run: Run, worker: Credential) -> Run:
        """Insert `run` under a free id (its wish, else with -2, -3, ... appended); the earlier run where
        `submit.key` is known."""

    async def get_run(self, run: RunId) -> Run | None: ...

    async def get_submit(self, run: RunId) -> Submit | None:
        """What was asked for, environment included, until the run has ended."""

    async def list_runs(self, *, alive_only: bool = False, before: float | None = None, limit: int = 100) -> list[Run]:
        """Newest first."""

    # events: each append returns the committed events, with their numbers, for publication
    async def append_batches(
        self, run: RunId, incarnation: int, batches: Sequence[Batch]
    ) -> tuple[int, list[StoredBody]]:
        """Commit those not known yet, with the changes they imply (run's state, step, answers). -> (last committed
        batch, new events).

        Raises Fenced, BatchGap."""

    async def append_events(self, run: RunId, events: Sequence[Event], **changes: object) -> list[StoredBody]:
        """Commit events of the service's own together with changes of the run's fields."""

    async def read_events(self, run: RunId, after: int, limit: int) -> list[StoredBody]: ...

    async def trim(self, run: RunId, keep: int) -> int:
        """Forget the oldest events but the newest `keep`; -> number of the oldest kept."""

    # incarnations
    async def greet(self, run: RunId, incarnation: int, **changes: object) -> int:
        """A worker says hello: -> last committed batch of this incarnation. Raises Fenced for an older one."""

    # commands
    async def add_command(self, run: RunId, ask: Ask, actor: str) -> tuple[CommandRecord, list[StoredBody]]:
        """Commit a command and its `commanded` event, or return the earlier record of the same id."""

    async def get_command(self, run: RunId, id: CommandId) -> CommandRecord | None: ...

    async def open_commands(self, run: RunId, after: int = 0) -> list[CommandRecord]:
        """Those numbered above `after` that have no answer, in order."""

    async def answer_command(self, run: RunId, id: CommandId, answer: Answer) -> list[StoredBody]:
        """Commit an answer the service gives itself (refused, unknown). No-op when there is one."""

    # live document: only the newest is kept
    async def save_live(self, run: RunId, live: LiveDoc) -> None: ...

    async def load_live(self, run: RunId) -> LiveDoc | None: ...

    # credentials
    async def add_credential(self, credential: Credential) -> None: ...

    async def find_credential(self, digest: bytes) -> Credential | None: ...

    async def drop_credential(self, digest: bytes) -> None: ...
