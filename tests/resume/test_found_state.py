"""Scripts that persist nothing: what their optimizers train is saved, put back on the spot, and given back later."""

import json
from pathlib import Path
from typing import Any

import pytest

from livespark.protocol.events import Notice, Resumed, Rewound
from livespark.protocol.ids import RunId
from livespark.protocol.snapshots import Origin, Snapshotting
from tests.resume.alone import Alone, Nursery

_SCRIPT = Path(__file__).with_name("unmodified.py")


def _run(run: Alone, *orders: Any, memory: int = 4, **rest: Any) -> list[str]:
    policy = Snapshotting(every_seconds=0, memory=memory)
    _, lines = run.run(policy, ORDERS=json.dumps(orders), **rest)
    assert not any("Error" in line for line in lines), lines
    return [line for line in lines if line.startswith("loss ")]


@pytest.mark.parametrize("memory", [4, 0], ids=["memory", "disk"])
def test_put_back_on_the_spot(tmp_path: Path, nursery: Nursery, memory: int) -> None:
    """Taken and put back behind the first step of a pass: what comes behind that is the same again."""
    run = Alone(tmp_path / "run", _SCRIPT, nursery)
    lines = _run(run, (3, {"kind": "snapshot"}), (6, {"kind": "rewind"}), memory=memory)
    assert lines[11:16] == lines[5:10]
    [event] = [event for event in run.events() if isinstance(event, Rewound)]
    assert (event.in_place, event.in_memory, event.step, event.from_step) == (True, memory > 0, 5, 11)
    assert event.message == "put back on the spot: the script's loops, and its data, go on where they are"


def test_given_back_behind_the_first_step(tmp_path: Path, nursery: Nursery) -> None:
    """Each optimizer and what it trains, when it has made its first step, which does not count."""
    whole = _run(Alone(tmp_path / "whole", _SCRIPT, nursery))
    run = Alone(tmp_path / "run", _SCRIPT, nursery)
    assert _run(run, (6, {"kind": "stop"})) == whole[:10]
    [number] = run.snapshots.numbers()
    assert sorted(run.snapshots.read(number).values) == [
        "model",
        "model_2",
        "optimizer",
        "optimizer_2",
        "scheduler",
    ]
    lines = _run(run, origin=Origin(RunId("quiet-otter"), number))
    weights = [line.split()[-1] for line in whole]
    assert [line.split()[-1] for line in lines[:2]] == [weights[10], weights[9]]
    assert lines[2] == whole[12]
    events = run.events()
    assert [event.step for event in events if isinstance(event, Resumed)] == [11]
    [notice] = [event.text for event in events if isinstance(event, Notice)]
    assert notice.startswith("the script persists nothing: what its optimizers train gets its state back")
