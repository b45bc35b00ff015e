"""Wherever a run is interrupted: it goes on bit for bit as if nothing had happened."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from livespark.protocol.events import Notice, Resumed
from livespark.protocol.ids import RunId
from livespark.protocol.snapshots import Origin, Snapshotting
from tests.resume.alone import NEVER, Alone, Nursery

_TRAINING = Path(__file__).with_name("training.py")
_STEPS = 24
_EACH = Snapshotting(every_steps=1, every_seconds=0, on_end=False, keep=1000, memory=0)


def _losses(lines: list[str]) -> dict[int, str]:
    return {int(line.split()[1]): line for line in lines if line.startswith("loss ")}


def _undisturbed(folder: Path, nursery: Nursery, **environment: Any) -> dict[int, str]:
    code, lines = Alone(folder, _TRAINING, nursery).run(NEVER, **environment)
    assert code == 0, lines
    losses = _losses(lines)
    assert len(losses) == _STEPS
    return losses


def _resumed(run: Alone, number: int | None, **environment: Any) -> dict[int, str]:
    code, lines = run.run(origin=Origin(RunId("quiet-otter"), number), **environment)
    assert code == 0, lines
    assert [event for event in run.events() if isinstance(event, Notice)] == []
    return _losses(lines)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_killed_run_goes_on_bit_for_bit(tmp_path: Path, nursery: Nursery, full: bool, workers: int) -> None:
    expected = _undisturbed(tmp_path / "whole", nursery, WORKERS=workers)
    for at in random.sample(range(1, _STEPS), 20 if full else 2):
        run = Alone(tmp_path / f"{at}", _TRAINING, nursery)
        code, lines = run.run(_EACH, DIE_AT=at, WORKERS=workers, SAVED=1)
        assert (code, len(_losses(lines))) == (-9, at), lines
        assert run.snapshots.numbers() == list(range(1, at + 1))
        got = _resumed(run, None, WORKERS=workers)
        assert got == {number: line for number, line in expected.items() if number > at}


def test_every_moment_between_two_steps_can_be_gone_on_from(tmp_path: Path, nursery: Nursery, full: bool) -> None:
    """Where not all: the first, the last, those around the end of the first epoch, and some in the middle of one."""
    expected = _undisturbed(tmp_path / "whole", nursery, WORKERS=0)
    run = Alone(tmp_path / "run", _TRAINING, nursery)
    assert run.run(_EACH, WORKERS=0, SAVED=1)[0] == 0
    numbers = run.snapshots.numbers()[:-1]
    assert len(numbers) == _STEPS - 1
    for number in numbers if full else (1, 6, 11, 12, 13, 18, 23):
        assert _resumed(run, number, WORKERS=0) == {at: line for at, line in expected.items() if at > number}


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_saves_the_state_first(tmp_path: Path, nursery: Nursery, name: str) -> None:
    expected = _undisturbed(tmp_path / "whole", nursery)
    run = Alone(tmp_path / "run", _TRAINING, nursery)
    code, lines = run.run(Snapshotting(every_seconds=0), DIE_AT=13, SIGNAL=name)
    done = max(_losses(lines))
    assert code == 3
    assert 13 < done < _STEPS
    [number] = run.snapshots.numbers()
    info = run.snapshots.read(number).info
    assert (info.step, info.cause) == (done, "signal" if name == "SIGTERM" else "stop")
    assert _resumed(run, None) == {at: line for at, line in expected.items() if at > done}


def test_a_damaged_snapshot_is_left_out_with_a_sentence(tmp_path: Path, nursery: Nursery) -> None:
    expected = _undisturbed(tmp_path / "whole", nursery, WORKERS=0)
    run = Alone(tmp_path / "run", _TRAINING, nursery)
    assert run.run(_EACH, WORKERS=0, SAVED=1)[0] == 0
    before, newest = run.snapshots.numbers()[-3:-1]
    run.snapshots.remove([newest + 1])
    manifest = run.snapshots.path / f"{newest}.json"
    data = bytearray(manifest.read_bytes())
    data[len(data) // 2] ^= 4
    manifest.write_bytes(data)
    assert _resumed(run, None, WORKERS=0) == {at: line for at, line in expected.items() if at > before}
    [resumed] = [event for event in run.events() if isinstance(event, Resumed)]
    assert resumed.origin.snapshot == before
    assert f"snapshot {newest}" in resumed.notes[0]


@pytest.mark.parametrize("parting", ["return", "again"])
def test_what_a_script_does_when_it_is_stopped_is_not_saved(tmp_path: Path, nursery: Nursery, parting: str) -> None:
    """It goes on from the checkpoint at which it was stopped: from behind that it could not do so exactly."""
    script, policy = Path(__file__).with_name("parting.py"), Snapshotting(every_seconds=0)
    _, expected = Alone(tmp_path / "whole", script, nursery).run()
    run = Alone(tmp_path / "run", script, nursery)
    assert run.run(policy, PARTING=parting) == (3, expected[:4])
    assert [info.cause for info in run.snapshots.infos()] == ["signal"]
    assert run.run(origin=Origin(RunId("quiet-otter"))) == (0, expected[4:])


def test_what_is_asked_for_behind_the_last_checkpoint_is_taken(tmp_path: Path, nursery: Nursery) -> None:
    run = Alone(tmp_path, Path(__file__).with_name("parting.py"), nursery)
    assert run.run(NEVER, PARTING="label")[0] == 0
    assert [(info.cause, info.label) for info in run.snapshots.infos()] == [("asked", "trained"), ("asked", "exported")]
    assert run.snapshots.read(1).values["state"].tree == {"step": 100}


def test_what_a_script_shuffles_by_itself_stays_in_that_order(tmp_path: Path, nursery: Nursery) -> None:
    """The body of an epoch is executed again up to its loops, and draws what it has drawn."""
    policy = Snapshotting(every_seconds=0)
    run = Alone(tmp_path / "run", Path(__file__).with_name("shuffled.py"), nursery)
    taken = [[number, {"kind": "snapshot"}] for number in range(1, 19)]
    code, expected = run.run(replace(policy, on_end=False, keep=100), ORDERS=json.dumps(taken))
    assert (code, len(expected), len(run.snapshots.numbers())) == (0, 18, 18)
    for number in (2, 4, 5, 6, 9, 11, 15, 17):
        origin = Origin(RunId("quiet-otter"), number)
        again = Alone(tmp_path / f"{number}", Path(__file__).with_name("shuffled.py"), nursery)
        stop = [[2, {"kind": "stop"}]]
        code, lines = again.run(policy, origin=origin, origin_dir=run.snapshots.path, ORDERS=json.dumps(stop))
        assert lines == expected[number : number + len(lines)], number
        _, rest = again.run(origin=Origin(RunId("quiet-otter")))
        assert lines + rest == expected[number:], number


@pytest.mark.parametrize("memory", [0, 4])
def test_a_shuffled_epoch_that_is_gone_back_to(tmp_path: Path, nursery: Nursery, memory: int) -> None:
    run = Alone(tmp_path, Path(__file__).with_name("shuffled.py"), nursery)
    orders = [[8, {"kind": "snapshot"}], [10, {"kind": "rewind", "snapshot": 1}]]
    code, lines = run.run(Snapshotting(every_seconds=0, on_end=False, memory=memory), ORDERS=json.dumps(orders))
    assert code == 0
    assert lines[10:12] == lines[8:10]
    assert len(lines) == 20
