"""One thread that does all writing, many writes to a commit.

A job is a function of a `Transaction`. The thread takes every job that waits, executes them between one BEGIN and
one COMMIT, each in a savepoint of its own, and only then lets their callers know, in order. A job that raises takes
back what it did, and nothing else. Where SQLite gives up the whole transaction (a full disk), the jobs are tried
again one by one, so that each caller learns its own fate; jobs therefore do nothing but change the database.
"""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Final, Generic, TypeVar

from livespark.store.base import Appended, Listener
from livespark.store.queries import QUERIES
from livespark.store.sqlite.opening import translated

__all__ = ("Transaction", "Writer")

_GROUP: Final = 256
_log: Final = logging.getLogger(__name__)
_T = TypeVar("_T")


class Transaction:
    """What a job may do: execute named queries, and say what the listener shall hear when all is committed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.announcements: list[Appended] = []

    def execute(self, query: str, **values: Any) -> sqlite3.Cursor:
        return self._connection.execute(QUERIES[query], values)

    def execute_with(self, query: str, values: Mapping[str, Any]) -> sqlite3.Cursor:
        return self._connection.execute(QUERIES[query], values)

    def execute_many(self, query: str, rows: Sequence[tuple[Any, ...]]) -> None:
        self._connection.executemany(QUERIES[query], rows)

    def announce(self, appended: Appended) -> None:
        self.announcements.append(appended)


class _Job(Generic[_T]):
    """A function on its way through the writer, and what became of it."""

    def __init__(self, function: Callable[[Transaction], _T], future: "asyncio.Future[_T]") -> None:
        self._function = function
        self._future = future
        self._result: _T
        self._error: Exception | None = None
        self._announcements: list[Appended] = []

    def execute(self, connection: sqlite3.Connection) -> None:
        transaction = Transaction(connection)
        self._error, self._announcements = None, []
        try:
            self._result = self._function(transaction)
        except Exception as error:
            self._error = translated(error) if isinstance(error, sqlite3.Error) else error
            raise
        self._announcements = transaction.announcements

    def fail(self, error: Exception) -> None:
        self._error, self._announcements = error, []

    def deliver(self, listener: Listener) -> None:
        """On the event loop: tell the listener, then the caller."""
        try:
            for appended in self._announcements:
                listener(appended)
        except Exception:
            _log.exception("the store's listener failed")
        if self._future.done():
            return
        if self._error is not None:
            self._future.set_exception(self._error)
        else:
            self._future.set_result(self._result)


class Writer:
    """Owns `connection` from now on; `close` closes it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="livespark-writer", daemon=True)
        self._closed = False
        self.listener: Listener = lambda _: None
        self._thread.start()

    async def do(self, function: Callable[[Transaction], _T]) -> _T:
        """The function's result, once it is committed. Raises what it raised, or StorageFull."""
        if self._closed:
            raise RuntimeError("the store is closed")
        future: asyncio.Future[_T] = self._loop.create_future()
        self._jobs.put(_Job(function, future))
        return await future

    async def close(self) -> None:
        """Finish what waits, then close the connection."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        going = True
        while going:
            group, going = self._next_group()
            self._commit(group)
            self._loop.call_soon_threadsafe(self._deliver, group)
        self._connection.close()

    def _next_group(self) -> tuple[list[_Job[Any]], bool]:
        """All jobs that wait, at least one, and whether there will be more."""
        group: list[_Job[Any]] = []
        job = self._jobs.get()
        try:
            while job is not None and len(group) < _GROUP - 1:
                group.append(job)
                job = self._jobs.get_nowait()
        except Empty:
            return group, True
        return (group, False) if job is None else ([*group, job], True)

    def _commit(self, group: list[_Job[Any]]) -> None:
        if not group:
            return
        try:
            self._together(group)
        except sqlite3.Error:
            self._roll_back()
            for job in group:
                self._alone(job)

    def _together(self, group: list[_Job[Any]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for job in group:
            self._connection.execute("SAVEPOINT job")
            try:
                job.execute(self._connection)
            except Exception:
                self._connection.execute("ROLLBACK TO job")
            self._connection.execute("RELEASE job")
        self._connection.execute("COMMIT")

    def _alone(self, job: _Job[Any]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            job.execute(self._connection)
            self._connection.execute("COMMIT")
        except Exception as error:
            job.fail(translated(error) if isinstance(error, sqlite3.Error) else error)
            self._roll_back()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    def _deliver(self, group: list[_Job[Any]]) -> None:
        for job in group:
            job.deliver(self.listener)
