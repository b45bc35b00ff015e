"""A disk that takes its time: the training never waits for it, what is asked meanwhile waits, and says so."""

import json
from pathlib import Path

from livespark.protocol.events import Answered, Snapshotted
from livespark.protocol.snapshots import Snapshotting
from tests.resume.alone import Alone, Nursery

_SCRIPT = Path(__file__).with_name("slow_disk.py")


def test_training_goes_on_while_the_disk_stands_still(tmp_path: Path, nursery: Nursery) -> None:
    """The first flush ends only when the training has come to pass 12: if that waited, nothing would go on."""
    run = Alone(tmp_path / "run", _SCRIPT, nursery)
    orders = [(2, {"kind": "snapshot"}), (5, {"kind": "snapshot"}), (6, {"kind": "snapshot", "label": "kept"})]
    code, lines = run.run(Snapshotting(every_seconds=0, on_end=False), ORDERS=json.dumps(orders), OPEN_AT=12)
    assert (code, lines[-1]) == (0, "done")
    taken = [event.snapshot for event in run.events() if isinstance(event, Snapshotted)]
    assert [(info.number, info.label) for info in taken] == [(1, ""), (2, ""), (3, "kept")]
    assert taken[0].step == 2
    assert all(info.step is not None and info.step >= 12 for info in taken[1:])
    answers = [event.answer for event in run.events() if isinstance(event, Answered)]
    assert [answer.outcome for answer in answers] == ["applied"] * 3
    assert run.snapshots.numbers() == [1, 2, 3]


def test_what_is_due_meanwhile_is_put_off_and_says_so(tmp_path: Path, nursery: Nursery) -> None:
    run = Alone(tmp_path / "run", _SCRIPT, nursery)
    code, lines = run.run(Snapshotting(every_steps=4, every_seconds=0, on_end=False, keep=9), OPEN_AT=10, WAIT_FROM=10)
    assert (code, lines[-1]) == (0, "done")
    taken = [event.snapshot for event in run.events() if isinstance(event, Snapshotted)]
    late = "taken late: the one before was still being written when it was due"
    assert [bool(info.message) for info in taken][:2] == [False, True]
    assert taken[1].message == late
    assert taken[1].step in (10, 11)
    assert [info.message for info in taken[2:]] == [""] * len(taken[2:])


def test_the_last_one_waits_for_the_one_before(tmp_path: Path, nursery: Nursery) -> None:
    """The run ends when both are on disk; the disk goes on only after the script has ended."""
    run = Alone(tmp_path / "run", _SCRIPT, nursery)
    orders = [(2, {"kind": "snapshot"})]
    code, lines = run.run(Snapshotting(every_seconds=0), ORDERS=json.dumps(orders), OPEN_AT="end")
    assert (code, lines[-1]) == (0, "done")
    assert [(run.snapshots.read(number).info.cause) for number in run.snapshots.numbers()] == ["asked", "end"]
