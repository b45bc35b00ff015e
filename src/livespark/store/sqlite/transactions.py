"""What the store's writes do, as functions of a transaction. They run on the writer's thread."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from livespark.protocol.codec import decode, encode
from livespark.protocol.commands import Answer, Ask, CommandRecord
from livespark.protocol.events import Answered, Attempt, Batch, Commanded, Event, Status, Stored, Timed
from livespark.protocol.ids import CommandId, RunId
from livespark.protocol.lifecycle import ALIVE, TERMINAL, RunState
from livespark.protocol.runs import Run, Submit
from livespark.store.base import Appended, BatchGap, Credential, Fenced, RunClosed, StoredBody, UnknownRun
from livespark.store.implied import as_seen, closing_answer, follow, is_false, is_out_of_place
from livespark.store.sqlite.notes import note
from livespark.store.sqlite.rows import RunRow, command_of, row_of, run_of, saved
from livespark.store.sqlite.writer import Transaction

__all__ = (
    "add_command",
    "again",
    "answer_command",
    "append_batches",
    "append_events",
    "begin",
    "create_run",
    "drop_credential",
    "greet",
    "insert_credential",
    "replace_credential",
    "revive",
    "settle",
    "trim",
)


def create_run(transaction: Transaction, submit: Submit, run: Run) -> tuple[Run, bool]:
    known = transaction.execute("get_run_by_key", key=submit.key).fetchone()
    if known is not None:
        return run_of(row_of(known)), False
    id = _free_id(transaction, run.id)
    values: dict[str, Any] = {
        name: getattr(run, name) for name in ("name", "mode", "epoch", "created", "cwd", "python", "best")
    }
    values |= {"id": id, "key": submit.key, "state": run.state.value}
    values |= {"entry": encode(run.entry), "config": encode(run.config), "retries": run.retries}
    values["origin"] = encode(run.origin) if run.origin else None
    transaction.execute_with("insert_run", values)
    transaction.execute("insert_submit", id=id, body=encode(submit))
    return run_of(_load(transaction, id)), True


def begin(transaction: Transaction, run: RunId, incarnation: int, worker: Credential, now: float) -> bool:
    row = _load(transaction, run)
    if row.state is not RunState.QUEUED:
        return False
    row.incarnation, row.acknowledged = incarnation, 0
    transaction.execute("drop_worker_credentials", run=run)
    insert_credential(transaction, worker)
    _append(transaction, row, [Timed(now, Status(RunState.STARTING))])
    return True


def again(transaction: Transaction, run: RunId, attempt: Attempt, now: float) -> bool:
    row = _load(transaction, run)
    if row.state is RunState.QUEUED or row.state in TERMINAL or row.end_asked:
        return False
    row.pid = None
    begun = [record for record in _open_commands(transaction, row) if record.started is not None]
    answers = [Answered(record.id, record.number, closing_answer(record)) for record in begun]
    events: list[Event] = [*answers, attempt, Status(RunState.QUEUED, reason=attempt.reason)]
    _append(transaction, row, [Timed(now, event) for event in events])
    return True


def greet(transaction: Transaction, run: RunId, incarnation: int, *, pid: int, host: str, now: float) -> int:
    row = _load(transaction, run)
    _fence(row, incarnation)
    row.pid, row.host, row.heard = pid, host, now
    _append(transaction, row, [])
    return row.acknowledged


def append_batches(transaction: Transaction, run: RunId, incarnation: int, batches: Sequence[Batch], now: float) -> int:
    row = _load(transaction, run)
    _fence(row, incarnation)
    row.heard = now
    events: list[Timed] = []
    for batch in batches:
        if batch.number > row.acknowledged + 1:
            raise BatchGap(row.acknowledged + 1)
        if batch.number == row.acknowledged + 1:
            row.acknowledged = batch.number
            events += batch.events
    _append(transaction, row, events)
    return row.acknowledged


def append_events(transaction: Transaction, run: RunId, events: Sequence[Timed], expected: RunState | None) -> Run:
    row = _load(transaction, run)
    if expected is None or row.state is expected:
        _append(transaction, row, (timed for timed in events if not is_out_of_place(timed.event, row)))
    return run_of(row)


def revive(transaction: Transaction, run: RunId, now: float) -> None:
    row = _load(transaction, run)
    if row.state is RunState.LOST and row.before_lost in ALIVE:
        _append(transaction, row, [Timed(now, Status(row.before_lost, reason="the worker is heard again"))])


def settle(transaction: Transaction, run: RunId, now: float) -> None:
    row = _load(transaction, run)
    records = _open_commands(transaction, row)
    row.settled = 1
    _forget_environment(transaction, row)
    transaction.execute("drop_worker_credentials", run=run)
    answers = [Answered(record.id, record.number, closing_answer(record)) for record in records]
    _append(transaction, row, [Timed(now, answer) for answer in answers])


def trim(transaction: Transaction, run: RunId, keep: int, limit: int) -> int:
    row = _load(transaction, run)
    surplus = min(row.last_seq - row.first_seq + 1 - max(1, keep), limit)
    if surplus <= 0:
        return 0
    row.first_seq += surplus
    transaction.execute("trim_events", after=row.place(0), first=row.place(row.first_seq))
    _append(transaction, row, [])
    return surplus


def add_command(transaction: Transaction, run: RunId, ask: Ask, actor: str, now: float) -> CommandRecord:
    row = _load(transaction, run)
    known = transaction.execute("get_command", run=row.number, id=ask.id).fetchone()
    if known is not None:
        return command_of(run, known)
    if row.state in TERMINAL:
        raise RunClosed(row.state)
    row.last_command += 1
    record = CommandRecord(id=ask.id, run=run, number=row.last_command, command=ask.command, actor=actor, created=now)
    command = encode(ask.command)
    values = {"id": ask.id, "number": record.number, "command": command, "actor": actor, "created": now}
    transaction.execute_with("insert_command", values | {"run": row.number})
    _append(transaction, row, [Timed(now, Commanded(ask.id, record.number, actor, ask.command))])
    return record


def answer_command(transaction: Transaction, run: RunId, id: CommandId, answer: Answer, now: float) -> None:
    row = _load(transaction, run)
    command = transaction.execute("get_command", run=row.number, id=id).fetchone()
    if command is not None and command["answered"] is None:
        _append(transaction, row, [Timed(now, Answered(id, command["number"], answer))])


def insert_credential(transaction: Transaction, credential: Credential) -> None:
    transaction.execute_with("insert_credential", msgspec.structs.asdict(credential))


def replace_credential(transaction: Transaction, credential: Credential) -> None:
    others = transaction.execute("same_label", label=credential.label, digest=credential.digest).fetchall()
    for row in others:
        drop_credential(transaction, row["digest"])
    insert_credential(transaction, credential)


def drop_credential(transaction: Transaction, digest: bytes) -> list[bytes]:
    family = [row["digest"] for row in transaction.execute("descendants", digest=digest)]
    for member in family:
        transaction.execute("drop_credential", digest=member)
    return family


def _load(transaction: Transaction, run: RunId) -> RunRow:
    row = transaction.execute("get_run", id=run).fetchone()
    if row is None:
        raise UnknownRun(f"there is no run {run}")
    return row_of(row)


def _open_commands(transaction: Transaction, row: RunRow) -> list[CommandRecord]:
    return [command_of(row.id, command) for command in transaction.execute("open_commands", run=row.number, after=0)]


def _forget_environment(transaction: Transaction, row: RunRow) -> None:
    """What was submitted stays, so that the run can be forked; the environment, which may hold secrets, goes."""
    found = transaction.execute("get_submit", id=row.id).fetchone()
    if found is not None:
        submit: Submit = decode(found["body"], Submit)
        body = encode(msgspec.structs.replace(submit, env={}))
        transaction.execute("replace_submit", run=row.number, body=body)


def _free_id(transaction: Transaction, wish: RunId) -> RunId:
    id, number = wish, 1
    while transaction.execute("id_is_taken", id=id).fetchone() is not None:
        number += 1
        id = RunId(f"{wish}-{number}")
    return id


def _fence(row: RunRow, incarnation: int) -> None:
    if incarnation < row.incarnation:
        raise Fenced(f"incarnation {incarnation} of run {row.id} was replaced by {row.incarnation}")
    if incarnation > row.incarnation:
        row.incarnation, row.acknowledged = incarnation, 0


def _append(transaction: Transaction, row: RunRow, events: Iterable[Timed]) -> None:
    """Number and insert `events`, apply what they imply, save the row, and have the listener told."""
    bodies: list[StoredBody] = []
    answered: list[CommandId] = []
    for timed in events:
        if is_false(timed.event, row.id):
            continue
        row.last_seq += 1
        follow(row, timed, row.id)
        if (id := note(transaction, row, timed)) is not None:
            answered.append(id)
        bodies.append(StoredBody(row.last_seq, encode(Stored(row.last_seq, timed.time, as_seen(timed.event)))))
    if bodies:
        transaction.execute_many("insert_event", [(row.place(event.seq), event.body) for event in bodies])
    transaction.execute_with("update_run", saved(row))
    transaction.announce(Appended(run_of(row), bodies, answered, bool(row.settled)))
