"""A real worker whose disk, memory and limits fail: it trains on, tells, and what it saved before is intact."""

import os
import signal
import stat
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from livespark.protocol.events import Notice, SnapshotFailed, Snapshotted
from livespark.protocol.ids import RunId
from livespark.protocol.snapshots import Origin, Snapshotting
from tests.resume.alone import Alone, Nursery
from tests.unit.runtime.stage import wait_until

_SCRIPT = Path(__file__).with_name("troubled.py")
_ALL = Snapshotting(every_seconds=0, on_end=False, keep=1000, memory=0)
_EACH = Snapshotting(every_steps=1, every_seconds=0, on_end=False, keep=2, memory=1)
_RUN = RunId("quiet-otter")


def _done(run: Alone, policy: Snapshotting = _ALL, **rest: Any) -> list[str]:
    code, lines = run.run(policy, **rest)
    assert (code, lines[-1]) == (0, "done"), lines
    return lines


def _told(run: Alone, kind: type[Any]) -> list[Any]:
    return [event for event in run.events() if isinstance(event, kind)]


def _all_open(run: Alone) -> list[int]:
    numbers = run.snapshots.numbers()
    for number in numbers:
        run.snapshots.open(number).close()
    return numbers


@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EROFS"])
def test_a_disk_that_fails_at_any_call(tmp_path: Path, nursery: Nursery, full: bool, error: str) -> None:
    run = Alone(tmp_path / "run", _SCRIPT, nursery)
    lines = _done(run, MODE="disk_faults", ERROR=error, STRIDE=1 if full else 9, ARRAYS=24, LENGTH=16 * 1024)
    faults = [line.split() for line in lines if line.startswith("fault")]
    assert int(faults[-1][1]) >= 90

    failed, taken = _told(run, SnapshotFailed), _told(run, Snapshotted)
    untidied = [notice for notice in _told(run, Notice) if notice.code == "snapshots-stay"]
    assert len(failed) + len(untidied) == len(faults) - 1
    assert len(untidied) <= len(faults) // 4
    assert all(event.message.startswith("it could not be written: ") for event in failed)
    assert _all_open(run) == [event.snapshot.number for event in taken]
    assert len(taken) >= len(faults) // 4
    assert not list((tmp_path / "run").rglob(".new-*"))


def test_children_that_are_forked_while_it_writes(tmp_path: Path, nursery: Nursery) -> None:
    run = Alone(tmp_path / "run", _SCRIPT, nursery)
    _done(run, MODE="children")
    assert _told(run, SnapshotFailed) == []
    assert _all_open(run) == [event.snapshot.number for event in _told(run, Snapshotted)]


def test_a_limit_of_the_size_of_files(tmp_path: Path, nursery: Nursery) -> None:
    run = Alone(tmp_path / "run", _SCRIPT, nursery)
    _done(run, MODE="file_size")
    [failed] = _told(run, SnapshotFailed)
    assert failed.message == "it could not be written: File too large"
    assert _all_open(run) == [1, 3]


def test_a_limit_of_open_files(tmp_path: Path, nursery: Nursery, full: bool) -> None:
    """64, and many arrays of a file each: saved, and gone on from."""
    run = Alone(tmp_path / "run", _SCRIPT, nursery)
    rest: dict[str, Any] = {"MODE": "few_files", "ARRAYS": 500 if full else 100, "LENGTH": 16 * 1024}
    first = _done(run, STEPS=2, **rest)
    assert _told(run, SnapshotFailed) == []
    assert _all_open(run) == [1, 2]
    whole = Alone(tmp_path / "whole", _SCRIPT, nursery)
    assert first[:-1] + _done(run, origin=Origin(_RUN), STEPS=3, **rest)[:-1] == _done(whole, STEPS=3, **rest)[:-1]
    assert _told(run, Notice) == []


def test_no_memory_for_a_copy(tmp_path: Path, nursery: Nursery) -> None:
    run = Alone(tmp_path / "run", _SCRIPT, nursery)
    _done(run, MODE="no_memory")
    [failed] = _told(run, SnapshotFailed)
    assert (failed.label, failed.message[:32]) == ("mine", "the state could not be copied: M")
    assert _all_open(run) == [1, 2]


def test_another_folder_no_mask_and_a_clock_that_goes_back(tmp_path: Path, nursery: Nursery) -> None:
    run = Alone(tmp_path / "run", _SCRIPT, nursery)
    _done(run, Snapshotting(every_seconds=0, on_end=False, keep=3, memory=2), MODE="elsewhere", STEPS=8)
    assert _told(run, SnapshotFailed) == []
    assert _all_open(run) == [6, 7, 8]
    for path in (run.snapshots.path, *run.snapshots.path.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_a_script_that_closes_files_which_are_not_its_own(tmp_path: Path, nursery: Nursery) -> None:
    run = Alone(tmp_path / "run", _SCRIPT, nursery)
    _done(run, MODE="closed_files")
    numbers = _all_open(run)
    assert len(numbers) >= 7
    assert numbers[-1] == 8


def test_no_room_for_what_loaders_workers_share(tmp_path: Path, nursery: Nursery) -> None:
    run = Alone(tmp_path / "run", _SCRIPT, nursery)
    assert len(_done(run, MODE="no_shared_memory")) == 9
    [notice] = _told(run, Notice)
    assert notice.text.startswith("the random numbers drawn in the DataLoader workers of a list will be others")
    assert _all_open(run)


def _drafts(run: Alone) -> set[str]:
    return {path.name for path in run.snapshots.path.rglob(".new-*")}


def _hit(run: Alone, nursery: Nursery, pid: int, chance: Random) -> bool:
    """Kill the process as soon as it writes, or a little later. -> whether it has been writing then."""
    before, written = _drafts(run), run.folder / "written"
    wait_until(lambda: written.exists() and written.stat().st_size, "the first step")
    time.sleep(chance.uniform(0, 0.05))
    wait_until(lambda: _drafts(run) - before, "a file that is being written")
    time.sleep(chance.uniform(0, 0.004))
    os.kill(pid, signal.SIGKILL)
    nursery.wait(pid)
    return bool(_drafts(run) - before)


def test_kills_while_it_saves(tmp_path: Path, nursery: Nursery, full: bool) -> None:
    """Only those count that have hit a write. The next process goes on from the newest snapshot, bit for bit."""
    kills, chance = 200 if full else 20, Random(5)
    steps = 300 * kills
    run = Alone(tmp_path / "run", _SCRIPT, nursery)
    rest: dict[str, Any] = {"MODE": "killed", "STEPS": steps, "ARRAYS": 4}
    told: dict[int, str] = {}
    hits = 0
    while hits < kills:
        good, _ = run.snapshots.newest_good()
        begun = good.manifest.info.step if good else 0
        (run.folder / "written").unlink(missing_ok=True)
        pid = run.begin(_EACH, origin=Origin(_RUN, None, "retry") if good else None, **rest)
        hits += _hit(run, nursery, pid, chance)
        code, lines = run.end(pid)
        assert code == -signal.SIGKILL, lines
        assert lines, "it has come nowhere"
        assert int(lines[0].split()[1]) == (begun or 0) + 1
        for line in lines:
            _, number, digest = line.split()
            assert told.setdefault(int(number), digest) == digest
        assert max(told) < steps
    whole = Alone(tmp_path / "whole", _SCRIPT, nursery)
    expected = [line.split() for line in _done(whole, **{**rest, "STEPS": max(told)})[:-1]]
    assert told == {int(number): digest for _, number, digest in expected}
