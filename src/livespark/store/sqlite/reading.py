"""The store's reads that take more than one query, as functions of a reader's connection."""

import sqlite3
from typing import Final

from livespark.protocol.commands import CommandRecord
from livespark.protocol.ids import CommandId, RunId
from livespark.store.base import StoredBody
from livespark.store.queries import QUERIES
from livespark.store.sqlite.rows import RunRow, command_of, row_of

__all__ = ("command", "events", "open_commands")

_PAGE: Final = 4 * 1024**2


def events(connection: sqlite3.Connection, run: RunId, after: int, limit: int) -> list[StoredBody]:
    row = _run(connection, run)
    if row is None:
        return []
    place, last = row.place(min(after, row.last_seq)), row.place(row.last_seq)
    rows = connection.execute(QUERIES["read_events"], {"after": place, "last": last, "limit": limit})
    first, found, size = row.place(0), [], 0
    for place, body in rows:
        found.append(StoredBody(place - first, body))
        size += len(body)
        if size > _PAGE:
            break
    return found


def command(connection: sqlite3.Connection, run: RunId, id: CommandId) -> CommandRecord | None:
    row = _run(connection, run)
    if row is None:
        return None
    found = connection.execute(QUERIES["get_command"], {"run": row.number, "id": id}).fetchone()
    return command_of(run, found) if found else None


def open_commands(connection: sqlite3.Connection, run: RunId, after: int) -> list[CommandRecord]:
    row = _run(connection, run)
    if row is None:
        return []
    found = connection.execute(QUERIES["open_commands"], {"run": row.number, "after": after})
    return [command_of(run, command) for command in found]


def _run(connection: sqlite3.Connection, run: RunId) -> RunRow | None:
    row = connection.execute(QUERIES["get_run"], {"id": run}).fetchone()
    return row_of(row) if row else None
