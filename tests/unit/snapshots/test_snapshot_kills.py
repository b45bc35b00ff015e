"""A process that saves all the time is killed while it writes: no snapshot is torn, none that was acknowledged lost."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from livespark.snapshots.folder import Folder
from tests.unit.snapshots.drafts import KEY

SAVER = """
import os, sys
from pathlib import Path
from livespark.protocol.snapshots import Manifest, SavedValue, SnapshotInfo
from livespark.snapshots.folder import ArrayData, Draft, Folder

folder = Folder(Path(sys.argv[1]), bytes.fromhex(sys.argv[2]))
same = os.urandom(100_000)
number = max(folder.numbers(), default=0)
while True:
    number += 1
    parts = [same, os.urandom(50), *(os.urandom(300_000) for _ in range(12))]
    arrays = [ArrayData("U8", (len(part),), lambda part=part: memoryview(part)) for part in parts]
    manifest = Manifest(1, "quiet-otter", SnapshotInfo(number, 0.0, "asked"), {"n": SavedValue("int", number)}, [])
    os.write(1, b"begin %d\\n" % number)
    folder.write(Draft(manifest, arrays, [b"pickled %d" % number]))
    os.write(1, b"done %d\\n" % number)
    folder.remove(folder.numbers()[:-3])
    folder.collect()
"""


@pytest.mark.timeout(900)
def test_a_killed_writer_leaves_no_torn_snapshot(tmp_path: Path, full: bool) -> None:
    """Kill -9 at random instants, counted when they hit a write: every manifest opens, the acknowledged ones too."""
    folder = Folder(tmp_path / "snapshots", KEY)
    chance = random.Random(11)
    hits = tries = 0
    while hits < (200 if full else 20):
        tries += 1
        assert tries < 2_000, "kills hardly ever hit a write"
        begun, done = killed_in(folder.path, wait_for=chance.randint(1, 3), after=chance.uniform(0, 0.03))
        hits += begun > done
        check(folder, done)
    folder.collect()
    named = {name for number in folder.numbers() for name in folder.files(number)}
    assert {each.relative_to(folder.path).as_posix() for each in folder.path.rglob("*") if each.is_file()} == named


def killed_in(path: Path, wait_for: int, after: float) -> tuple[int, int]:
    """Kill it `after` seconds from the beginning of its `wait_for`th snapshot. -> the last one begun, the last done."""
    command = [sys.executable, "-c", SAVER, str(path), KEY.hex()]
    path.mkdir(exist_ok=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2 * wait_for - 1)]
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(after)
        process.kill()
        lines += process.stdout.readlines()
    return last(lines, b"begin"), last(lines, b"done")


def last(lines: list[bytes], word: bytes) -> int:
    return max((int(line.split()[1]) for line in lines if line.startswith(word)), default=0)


def check(folder: Folder, done: int) -> None:
    """All that are there open and are of one piece; what was acknowledged last is there, or a later one."""
    numbers = folder.numbers()
    assert max(numbers, default=0) >= done
    for number in numbers:
        with folder.open(number) as snapshot:
            assert snapshot.manifest.values["n"].tree == number
            assert snapshot.pickle(0) == b"pickled %d" % number
            assert len(snapshot.array(2)) == 300_000
