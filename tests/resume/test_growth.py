"""Going back again and again, and saving for long, leaves nothing behind: no objects, threads, files, processes."""

import json
from pathlib import Path

import pytest

from livespark.protocol.events import Rewound
from livespark.protocol.snapshots import Snapshotting
from tests.resume.alone import Alone, Nursery

_SCRIPT = Path(__file__).with_name("round_and_round.py")


def _measured(run: Alone, policy: Snapshotting, **environment: object) -> list[dict[str, int]]:
    code, lines = run.run(policy, **environment)
    assert code == 0, lines
    return [json.loads(line) for line in lines if line.startswith("{")]


def _is_steady(first: dict[str, int], last: dict[str, int], many: int, *exactly: str) -> None:
    """Where no server is, what is to be told to it waits, and now and then somebody tries to reach it."""
    assert [last[each] for each in exactly] == [first[each] for each in exactly]
    assert last["files"] - first["files"] < 8
    assert last["objects"] - first["objects"] < 10 * many
    assert last["memory"] - first["memory"] < 16 * 2**20


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("memory", [2, 0], ids=["memory", "disk"])
def test_many_rewinds(tmp_path: Path, nursery: Nursery, full: bool, memory: int, workers: int) -> None:
    many = 100 if full else 12 if workers else 40
    run = Alone(tmp_path / "run", _SCRIPT, nursery)
    policy = Snapshotting(every_seconds=0, on_end=False, memory=memory)
    first, last = _measured(run, policy, REWINDS=many, WORKERS=workers)
    assert len([event for event in run.events() if isinstance(event, Rewound)]) == many
    _is_steady(first, last, many, "threads", "children")


def test_many_snapshots(tmp_path: Path, nursery: Nursery, full: bool) -> None:
    """With `keep=2` the folder holds two."""
    many = 2_000 if full else 150
    run = Alone(tmp_path / "run", _SCRIPT, nursery)
    first, last = _measured(run, Snapshotting(every_seconds=0, every_steps=1, keep=2, memory=2), SNAPSHOTS=many)
    _is_steady(first, last, many, "threads", "saved")
    assert len(run.snapshots.numbers()) == 2
