"""The store's reads that take more than one query, as functions of a reader's connection."""

import sqlite3
from collections.abc import Iterable
from typing import Final

from livespark.protocol.code import CodeFile
from livespark.protocol.commands import CommandRecord
from livespark.protocol.ids import CommandId, RunId
from livespark.store.base import StoredBody
from livespark.store.queries import QUERIES
from livespark.store.sqlite.rows import RunRow, code_file_of, command_of, row_of

__all__ = ("code", "command", "events", "open_commands", "reloads")

_PAGE: Final = 4 * 1024**2
_ANY: Final = 2**63 - 1


def events(connection: sqlite3.Connection, run: RunId, after: int, limit: int) -> list[StoredBody]:
    row = _run(connection, run)
    if row is None:
        return []
    place, last = row.place(min(after, row.last_seq)), row.place(row.last_seq)
    rows = connection.execute(QUERIES["read_events"], {"after": place, "last": last, "limit": limit})
    first = row.place(0)
    return _page(StoredBody(place - first, body) for place, body in rows)


def reloads(connection: sqlite3.Connection, run: RunId, after: int, limit: int) -> list[StoredBody]:
    rows = connection.execute(QUERIES["read_reloads"], {"id": run, "after": after, "limit": limit})
    return _page(StoredBody(seq, body) for seq, body in rows)


def code(connection: sqlite3.Connection, run: RunId, seq: int | None, step: int | None) -> list[CodeFile]:
    rows = connection.execute(QUERIES["read_sources"], {"id": run, "seq": _ANY if seq is None else seq})
    newest = {file.path: file for file in map(code_file_of, rows) if step is None or _is_by(file, step)}
    return [newest[path] for path in sorted(newest)]


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


def _is_by(file: CodeFile, step: int) -> bool:
    return file.step is None or file.step <= step


def _page(events: Iterable[StoredBody]) -> list[StoredBody]:
    """The first of `events`, about so many that they fill a page."""
    found, size = [], 0
    for event in events:
        found.append(event)
        size += len(event.body)
        if size > _PAGE:
            break
    return found


def _run(connection: sqlite3.Connection, run: RunId) -> RunRow | None:
    row = connection.execute(QUERIES["get_run"], {"id": run}).fetchone()
    return row_of(row) if row else None
