"""The store in one SQLite file: one thread writes (`writer`), a few read (`readers`)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from livespark.protocol.codec import decode, encode
from livespark.protocol.events import Attempt, Batch, Timed
from livespark.protocol.ids import RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import LiveDoc
from livespark.protocol.runs import Run, Submit
from livespark.store.base import Credential, Listener, Prospects, StoredBody
from livespark.store.sqlite import reading, transactions
from livespark.store.sqlite.code import SqliteCode
from livespark.store.sqlite.commands import SqliteCommands
from livespark.store.sqlite.credentials import SqliteCredentials
from livespark.store.sqlite.opening import open_writer
from livespark.store.sqlite.readers import Readers
from livespark.store.sqlite.rows import prospects_of, row_of, run_of
from livespark.store.sqlite.snapshots import SqliteSnapshots
from livespark.store.sqlite.writer import Transaction, Writer

__all__ = ("SqliteStore",)


class SqliteStore(SqliteCredentials, SqliteCode, SqliteCommands, SqliteSnapshots):
    """`store.base.Store` over the file `path`, at most `limit` bytes large (0: no limit).

    Made inside a running event loop, which it then belongs to. Raises StoreUnusable.
    """

    def __init__(self, path: Path, *, limit: int = 0) -> None:
        super().__init__(Writer(open_writer(path, limit=limit)), Readers(path))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def listen(self, listener: Listener) -> None:
        self._writer.listener = listener

    async def close(self) -> None:
        await self._readers.close()
        await self._writer.close()

    async def create_run(self, submit: Submit, run: Run) -> tuple[Run, bool]:
        return await self._writer.do(lambda transaction: transactions.create_run(transaction, submit, run))

    async def get_run(self, run: RunId) -> Run | None:
        row = await self._readers.first("get_run", id=run)
        return run_of(row_of(row)) if row else None

    async def get_run_by_key(self, key: str) -> Run | None:
        row = await self._readers.first("get_run_by_key", key=key)
        return run_of(row_of(row)) if row else None

    async def get_submit(self, run: RunId) -> Submit | None:
        row = await self._readers.first("get_submit", id=run)
        return decode(row["body"], Submit) if row else None

    async def list_runs(self, *, alive_only: bool = False, before: float | None = None, limit: int = 100) -> list[Run]:
        query = "list_alive_runs" if alive_only else "list_runs"
        rows = await self._readers.all(query, before=float("inf") if before is None else before, limit=limit)
        return [run_of(row_of(row)) for row in rows]

    async def unsettled_runs(self) -> list[Run]:
        return [run_of(row_of(row)) for row in await self._readers.all("unsettled_runs")]

    async def is_settled(self, run: RunId) -> bool:
        row = await self._readers.first("get_run", id=run)
        return row is not None and bool(row["settled"])

    async def settle(self, run: RunId, *, now: float) -> None:
        await self._writer.do(lambda transaction: transactions.settle(transaction, run, now))

    async def append_batches(self, run: RunId, incarnation: int, batches: Sequence[Batch], *, now: float) -> int:
        return await self._writer.do(
            lambda transaction: transactions.append_batches(transaction, run, incarnation, batches, now)
        )

    async def append_events(self, run: RunId, events: Sequence[Timed], *, expected: RunState | None = None) -> Run:
        return await self._writer.do(lambda transaction: transactions.append_events(transaction, run, events, expected))

    async def read_events(self, run: RunId, after: int, limit: int) -> list[StoredBody]:
        return await self._readers.do(lambda connection: reading.events(connection, run, after, limit))

    async def trim(self, run: RunId, keep: int, *, limit: int = 10_000) -> int:
        return await self._writer.do(lambda transaction: transactions.trim(transaction, run, keep, limit))

    async def begin(self, run: RunId, incarnation: int, worker: Credential, *, now: float) -> bool:
        return await self._writer.do(lambda transaction: transactions.begin(transaction, run, incarnation, worker, now))

    async def prospects(self, run: RunId) -> Prospects | None:
        row = await self._readers.first("get_run", id=run)
        return prospects_of(row_of(row)) if row else None

    async def again(self, run: RunId, attempt: Attempt, *, now: float) -> bool:
        return await self._writer.do(lambda transaction: transactions.again(transaction, run, attempt, now))

    async def greet(self, run: RunId, incarnation: int, *, pid: int, host: str, now: float) -> int:
        return await self._writer.do(
            lambda transaction: transactions.greet(transaction, run, incarnation, pid=pid, host=host, now=now)
        )

    async def revive(self, run: RunId, *, now: float) -> None:
        await self._writer.do(lambda transaction: transactions.revive(transaction, run, now))

    async def save_live(self, run: RunId, live: LiveDoc) -> None:
        body = encode(live)

        def save(transaction: Transaction) -> None:
            transaction.execute("save_live", id=run, body=body)

        await self._writer.do(save)

    async def load_live(self, run: RunId) -> LiveDoc | None:
        row = await self._readers.first("load_live", id=run)
        return decode(row["body"], LiveDoc) if row else None
