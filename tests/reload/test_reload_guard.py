"""A training run that is edited again and again never ends, and its numbers are those of a run that nobody edits."""

import random
from collections import Counter
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import pytest

from tests.reload.edits import EDITS, Edit
from tests.reload.live import Nursery
from tests.reload.training import PROJECT, Training, is_status, lay_out, original

_GUARD: Final = 10
_OUTCOMES: Final = {
    "neutral": {"applied"},
    "signatures, closures, classes": {"applied"},
    "a syntax error": {"refused"},
    "raises at once": {"refused", "undone"},
}
"""By kind. What raises while it is put in place is refused; all others are undone."""

_AT_ONCE: Final = ("    noise =", "    raise RuntimeError('at once')\n    noise =")
_LATE: Final = (
    "    noise =",
    "    augment.n = getattr(augment, 'n', 0) + 1\n    assert augment.n < 6, 'late'\n    noise =",
)
_LOOP: Final = ("        scheduler.step()\n", "        scheduler.step()\n        print(end='')\n")


@pytest.mark.timeout(600)
def test_no_edit_ends_the_run_or_leaves_a_trace_in_its_numbers(
    torch_nursery: Nursery, tmp_path: Path, full: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights, optimizer, scheduler and generators are the same to the last bit after every step that stayed."""
    choice, counted = random.Random(3), Counter[tuple[str, str]]()
    folder = lay_out(tmp_path / "edited")
    with torch_nursery.worker(folder, guard=_GUARD) as live, torch_nursery.worker(lay_out(tmp_path / "not")) as other:
        training = Training(live, folder)
        for number, (kind, edit) in enumerate(_plan(40 if full else 4, choice), 1):
            training.step(choice.randrange(4))
            text = edit.text((PROJECT / edit.file).read_text(), number, training.last + 5)
            training.save({edit.file: text})
            training.await_outcome(_OUTCOMES.get(kind, {"undone"}))
            counted[kind, live.reloads[-1].get("kind", "")] += 1
        training.step(_GUARD + 3)
        training.compare(other)
    with capsys.disabled():
        print(f"\n{training.last} steps, edits: {dict(sorted(counted.items()))}")
    kinds = Counter(kind for _, kind in counted.elements())
    assert min(kinds["soft"], kinds["hard"]) > counted.total() / 5


def _plan(each: int, choice: random.Random) -> list[tuple[str, Edit]]:
    plan = [(kind, edit) for kind, edits in EDITS.items() for edit in islice(cycle(edits), each)]
    choice.shuffle(plan)
    return plan


@pytest.mark.parametrize("second", ["neutral", "refused", "raises at once"])
def test_an_edit_while_the_one_before_is_watched(second: str, torch_nursery: Nursery, tmp_path: Path) -> None:
    """Code that has not proved itself is nothing to go back to: both are taken back, to the last bit."""
    folder = lay_out(tmp_path / "edited")
    with torch_nursery.worker(folder, guard=_GUARD) as live, torch_nursery.worker(lay_out(tmp_path / "not")) as other:
        training = Training(live, folder)
        training.step(3)
        training.save(original("helpers.py", _LATE))
        training.await_outcome({"applied"})
        match second:
            case "neutral":
                training.save({**original("helpers.py", _LATE), **original("script.py", _LOOP)})
            case "refused":
                training.save(original("helpers.py", _LATE, ("def make_loss", "@undefined\ndef make_loss")))
            case _:
                at_once = original("script.py", (_LOOP[0], "        undefined()\n"))
                training.save({**original("helpers.py", _LATE), **at_once})
        told = len(live.reloads)
        training.await_outcome({"undone"}, told)
        training.step(2)
        undone = [each for each in live.reloads[told:] if each["outcome"] == "undone"]
        assert len(undone) == (1 if second == "refused" else 2), undone
        assert "helpers.augment" in undone[-1]["changed"]
        training.step(_GUARD + 3)
        training.compare(other)


def test_without_the_guard_what_raises_at_once_is_taken_back(torch_nursery: Nursery, tmp_path: Path) -> None:
    """Before the next checkpoint the item is done again by the old code, softly and hard, with the same numbers."""
    folder = lay_out(tmp_path / "edited")
    with torch_nursery.worker(folder) as live, torch_nursery.worker(lay_out(tmp_path / "not")) as other:
        training = Training(live, folder)
        for changes in (
            original("helpers.py", _AT_ONCE),
            {**original("helpers.py", _AT_ONCE), **original("script.py", _LOOP)},
        ):
            training.step(2)
            training.save(changes)
            training.await_outcome({"undone"})
        assert {each.get("kind") for each in live.reloads} == {"soft", "hard"}
        training.step(14)
        training.compare(other)


def test_without_the_guard_what_raises_later_is_held_until_it_is_mended(torch_nursery: Nursery, tmp_path: Path) -> None:
    """The state stays, and the interrupted item is done again by the mended code."""
    folder = lay_out(tmp_path / "edited")
    with torch_nursery.worker(folder) as live:
        training = Training(live, folder)
        training.step(2)
        training.save(original("helpers.py", _LATE))
        training.await_outcome({"applied"})
        before = training.last
        for _ in range(5):
            live.go_on()
        live.hear(is_status("held"))
        held = training.last
        assert before < held < before + 6
        training.save({})
        assert live.seen()[1] == held + 1
        training.step(13)
        assert list(training.steps) == list(range(1, held + 15))
