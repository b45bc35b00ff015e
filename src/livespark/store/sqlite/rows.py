"""Rows of the tables, and the messages they become."""

import sqlite3
from typing import Any

from livespark.protocol.code import CodeFile
from livespark.protocol.codec import decode, encode
from livespark.protocol.commands import Answer, Command, CommandRecord, Failure
from livespark.protocol.ids import CommandId, Epoch, RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.policy import Scope
from livespark.protocol.runs import Entry, Mode, Run
from livespark.protocol.snapshots import Origin
from livespark.store.base import Credential, Prospects
from livespark.store.implied import Standing, fingerprint

__all__ = ("RunRow", "code_file_of", "command_of", "credential_of", "prospects_of", "row_of", "run_of", "saved")


class RunRow(Standing, kw_only=True):
    """A row of `runs`. The fields of `Standing` and those from `first_seq` on change."""

    number: int
    id: RunId
    key: str
    name: str
    mode: Mode
    epoch: Epoch
    created: float
    entry: bytes
    cwd: str
    python: str
    config: bytes
    first_seq: int
    last_seq: int
    heard: float | None
    incarnation: int
    acknowledged: int
    last_command: int
    pid: int | None
    host: str
    settled: int
    origin: bytes | None
    retries: int
    best: str

    def place(self, seq: int) -> int:
        """The key in `events` of event `seq`."""
        return (self.number << 40) + seq


def row_of(row: sqlite3.Row) -> RunRow:
    values: dict[str, Any] = dict(zip(row.keys(), row, strict=True))
    values["state"] = RunState(values["state"])
    values["before_lost"] = RunState(values["before_lost"]) if values["before_lost"] else None
    values["error"] = decode(values["error"], Failure) if values["error"] else None
    values["step"] = int(values["step"]) if values["step"] else None
    values["end_asked"] = bool(values["end_asked"])
    return RunRow(**values)


def saved(row: RunRow) -> dict[str, Any]:
    """The columns of `row` that change, as the statement `update_run` wants them."""
    return {
        "number": row.number,
        "state": row.state.value,
        "reason": row.reason,
        "error": encode(row.error) if row.error else None,
        "step": None if row.step is None else str(row.step),
        "started": row.started,
        "ended": row.ended,
        "before_lost": row.before_lost.value if row.before_lost else None,
        "first_seq": row.first_seq,
        "last_seq": row.last_seq,
        "heard": row.heard,
        "incarnation": row.incarnation,
        "acknowledged": row.acknowledged,
        "last_command": row.last_command,
        "pid": row.pid,
        "host": row.host,
        "settled": row.settled,
        "attempts_left": row.attempts_left,
        "end_asked": int(row.end_asked),
        "failure": row.failure,
    }


def run_of(row: RunRow) -> Run:
    """The run as clients see it."""
    return Run(
        id=row.id,
        name=row.name,
        mode=row.mode,
        state=row.state,
        epoch=row.epoch,
        created=row.created,
        entry=decode(row.entry, Entry),
        cwd=row.cwd,
        python=row.python,
        first_seq=row.first_seq,
        last_seq=row.last_seq,
        reason=row.reason,
        error=row.error,
        step=row.step,
        started=row.started,
        ended=row.ended,
        heard=row.heard,
        incarnation=row.incarnation,
        pid=row.pid,
        host=row.host,
        config=decode(row.config, dict[str, Any]),
        origin=decode(row.origin, Origin) if row.origin else None,
        retries=row.retries,
        best=row.best,
    )


def prospects_of(row: RunRow) -> Prospects:
    repeats = row.error is not None and fingerprint(row.error, row.step) == row.failure
    return Prospects(left=row.attempts_left, end_asked=row.end_asked, repeats=repeats)


def command_of(run: RunId, row: sqlite3.Row) -> CommandRecord:
    return CommandRecord(
        id=CommandId(row["id"]),
        run=run,
        number=row["number"],
        command=decode(row["command"], Command),
        actor=row["actor"],
        created=row["created"],
        started=row["started"],
        answered=row["answered"],
        answer=decode(row["answer"], Answer) if row["answer"] else None,
    )


def code_file_of(row: sqlite3.Row) -> CodeFile:
    step = None if row["step"] is None else int(row["step"])
    return CodeFile(path=row["path"], hash=row["hash"], seq=row["seq"], step=step, size=row["size"])


def credential_of(row: sqlite3.Row) -> Credential:
    return Credential(
        digest=row["digest"],
        scope=Scope(row["scope"]),
        label=row["label"],
        created=row["created"],
        expires=row["expires"],
        run=row["run"],
        parent=row["parent"],
    )
