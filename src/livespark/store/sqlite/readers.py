"""A few threads that read, each with a connection of its own."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from livespark.store.queries import QUERIES
from livespark.store.sqlite.opening import open_reader

__all__ = ("Readers",)

_THREADS: Final = 4
_T = TypeVar("_T")


class Readers:
    """Every query sees the newest commit."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="livespark-reader", initializer=self._open)

    async def do(self, function: Callable[[sqlite3.Connection], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._execute, function)

    async def all(self, query: str, **values: Any) -> list[sqlite3.Row]:
        return await self.do(lambda connection: connection.execute(QUERIES[query], values).fetchall())

    async def first(self, query: str, **values: Any) -> sqlite3.Row | None:
        rows = await self.all(query, **values)
        return rows[0] if rows else None

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.shutdown)
        for connection in self._connections:
            connection.close()

    def _open(self) -> None:
        self._local.connection = open_reader(self._path)
        self._connections.append(self._local.connection)

    def _execute(self, function: Callable[[sqlite3.Connection], _T]) -> _T:
        return function(self._local.connection)
