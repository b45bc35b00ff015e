"""Runs that use much of what torch and its surroundings have, killed and resumed: bit for bit as undisturbed."""

from pathlib import Path

from livespark.protocol.events import Notice
from livespark.protocol.ids import RunId
from livespark.protocol.snapshots import Origin, Snapshotting
from tests.resume.alone import Alone, Nursery

_HERE = Path(__file__).parent
_EACH = Snapshotting(every_steps=1, every_seconds=0, on_end=False, keep=1000, memory=2)


def _said(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("loss ")]


def _goes_on(folder: Path, nursery: Nursery, script: str, moments: list[int], steps: int) -> None:
    code, lines = Alone(folder / "whole", _HERE / script, nursery).run()
    expected = _said(lines)
    assert (code, len(expected)) == (0, steps), lines
    run = Alone(folder / "run", _HERE / script, nursery)
    for at in moments:
        origin = {"origin": Origin(RunId("quiet-otter"))} if run.snapshots.numbers() else {}
        code, lines = run.run(_EACH, DIE_AT=at, SAVED=1, **origin)
        assert (code, _notices(run)) == (-9, []), lines
        assert _said(lines) == expected[at - len(_said(lines)) : at]
    code, lines = run.run(_EACH, origin=Origin(RunId("quiet-otter")))
    assert (code, _notices(run)) == (0, []), lines
    assert _said(lines) == expected[moments[-1] :]


def _notices(run: Alone) -> list[Notice]:
    return [event for event in run.events() if isinstance(event, Notice)]


def test_a_model_spread_by_fsdp_goes_on_bit_for_bit(tmp_path: Path, nursery: Nursery) -> None:
    _goes_on(tmp_path, nursery, "sharded.py", [5, 11], 16)


def test_a_run_with_much_at_once_goes_on_bit_for_bit(tmp_path: Path, nursery: Nursery) -> None:
    """Killed between two micro-batches, in the second epoch, and in the second round of a sampler without end."""
    _goes_on(tmp_path, nursery, "many.py", [4, 11, 26], 27)
