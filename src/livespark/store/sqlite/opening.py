"""Connections to the database file: the one that writes, those that only read, and the schema's version.

SQLite 3.7.0 to 3.51.2 can lose commits when two connections write or checkpoint (the WAL-reset bug). So exactly one
connection of one process does either; readers are opened read-only and never checkpoint.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from livespark.store.base import StorageFull, StoreUnusable
from livespark.store.queries import MIGRATIONS

__all__ = ("open_reader", "open_writer", "translated")

_BUSY: Final = 5.0
_WAL_LIMIT: Final = 64 * 1024**2
_FULL: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
_VERSION: Final = "SELECT version FROM schema_version"


def open_writer(path: Path, *, limit: int = 0) -> sqlite3.Connection:
    """The connection for all writing, with the schema brought up to date. `limit`: the file's largest size in
    bytes, 0: none.

    Raises StoreUnusable, StorageFull.
    """
    with _explained(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = _connect(f"{path.absolute().as_uri()}?mode=rw")
    try:
        with _explained(path):
            _prepare(connection, limit)
            _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that can't change anything, nor checkpoint."""
    connection = _connect(f"{path.absolute().as_uri()}?mode=ro")
    connection.execute("PRAGMA query_only = 1")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


def translated(error: sqlite3.Error) -> Exception:
    """StorageFull where the disk is the matter, else the error itself."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code not in _FULL:
        return error
    return StorageFull(f"the data directory can't be written ({error}). Free some space; nothing acknowledged was lost")


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def _prepare(connection: sqlite3.Connection, limit: int) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT}")
    if limit:
        (page_size,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute(f"PRAGMA max_page_count = {max(1, limit // page_size)}")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise StoreUnusable(
            f"the database {path} was written by a newer Livespark (schema {version}, "
            f"this one knows {len(MIGRATIONS)}). "
            "Upgrade Livespark, or use another LIVESPARK_HOME"
        )
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nUPDATE schema_version SET version = {number};\nCOMMIT;")


def _version(connection: sqlite3.Connection) -> int:
    connection.executescript(
        "BEGIN IMMEDIATE;"
        "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL);"
        "INSERT INTO schema_version SELECT 0 WHERE NOT EXISTS (SELECT * FROM schema_version);"
        "COMMIT;"
    )
    return int(connection.execute(_VERSION).fetchone()[0])


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            reason = f"the database {path} is damaged ({error}). Move it away and start again, or restore a copy"
        else:
            reason = f"the database {path} can't be opened ({error}). Check the directory's permissions and free space"
        raise StoreUnusable(reason) from None
    except OSError as error:
        raise StoreUnusable(
            f"the data directory {path.parent} can't be written ({error.strerror}). Check its permissions "
            "and free space, or set LIVESPARK_HOME"
        ) from None
