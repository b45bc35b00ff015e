"""What of a run's events is kept in tables of its own, besides their text."""

from livespark.protocol.codec import encode
from livespark.protocol.events import Answered, Reloaded, SnapshotsRemoved, Snapshotted, Source, Started, Timed
from livespark.protocol.ids import CommandId
from livespark.protocol.snapshots import SnapshotInfo
from livespark.store.implied import LARGEST, brings_text
from livespark.store.sqlite.rows import RunRow
from livespark.store.sqlite.writer import Transaction

__all__ = ("note",)


def note(transaction: Transaction, row: RunRow, timed: Timed) -> CommandId | None:
    """Keep what the run's newest event tells; -> the command that it answers, if it does."""
    match timed.event:
        case Started(id=id):
            transaction.execute("start_command", run=row.number, id=id, time=timed.time)
        case Answered(id=id, answer=answer):
            transaction.execute("answer_command", run=row.number, id=id, time=timed.time, answer=encode(answer))
            return id
        case Source() as source:
            _note_source(transaction, row, source)
        case Reloaded():
            transaction.execute("insert_reload", run=row.number, seq=row.last_seq)
        case Snapshotted(snapshot=info):
            _note_snapshot(transaction, row, info)
        case SnapshotsRemoved(numbers=numbers):
            for number in {number for number in numbers if 0 < number <= LARGEST}:
                transaction.execute("remove_snapshot", run=row.number, seq=row.last_seq, number=number)
    return None


def _note_source(transaction: Transaction, row: RunRow, source: Source) -> None:
    brought = brings_text(source)
    if brought:
        transaction.execute("insert_text", hash=source.hash, text=source.text.encode())
    values = {"path": source.path, "hash": source.hash, "step": _text(source.step)}
    transaction.execute_with("insert_source", values | {"run": row.number, "seq": row.last_seq, "brought": brought})


def _note_snapshot(transaction: Transaction, row: RunRow, info: SnapshotInfo) -> None:
    values = {name: getattr(info, name) for name in ("number", "label", "cause", "size", "time")}
    values |= {"run": row.number, "seq": row.last_seq, "step": _text(info.step), "body": encode(info)}
    transaction.execute_with("put_snapshot", values)


def _text(step: int | None) -> str | None:
    """Steps may be beyond the 64 bits of a number in the database."""
    return None if step is None else str(step)
