"""What is asked of a run while the guard watches, and between a reload that is taken back and the step after it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.reload.live import Live, Nursery
from tests.reload.training import is_status

_WORK = "def work(x):\n    return x\n"
_NAN = 'def work(x):\n    return float("nan")\n'
_AT_ONCE = "def work(x):\n    raise RuntimeError('at once')\n"
_LATE = "SEEN = []\ndef work(x):\n    SEEN.append(x)\n    assert len(SEEN) < 4, 'late'\n    return x\n"
_SCRIPT = """
import stepping
import subject

import livespark as spark

state = spark.persist("state", lambda: {"step": 0, "rate": 1.0})

def measure(times):
    total = 0
    for i in spark.loop("measure", range(times)):
        total += subject.work(i)
        spark.log(loss=float(total))
        stepping.report(["measure", i])
    return total

def rate():
    return state["rate"]

spark.expose(state=state, measure=measure, rate=rate)
stepping.report(["top", 0])
for number in spark.loop("steps", range(1_000_000)):
    subject.work(number)
    state["step"] += 1
    stepping.report(["step", state["step"]])
"""
_ASYNC = """
import asyncio

import stepping
import subject

import livespark as spark

state = spark.persist("state", lambda: {"step": 0, "rate": 1.0})
TOP = 1

async def beside():
    while True:
        await asyncio.sleep(0)

async def main():
    waiting = asyncio.create_task(beside())
    while True:
        subject.work(state["step"])
        state["step"] += TOP
        stepping.report(["step", state["step"]])
        await spark.acheckpoint()

asyncio.run(main())
"""


@pytest.fixture
def live(nursery: Nursery, tmp_path: Path) -> Iterator[Live]:
    """At its third step, with the guard."""
    save(tmp_path, _WORK)
    (tmp_path / "script.py").write_text(_SCRIPT)
    with nursery.worker(tmp_path, guard=10) as live:
        assert live.seen() == ["top", 0]
        assert [live.step() for _ in range(3)] == [["step", 1], ["step", 2], ["step", 3]]
        yield live


def save(folder: Path, text: str, name: str = "subject.py") -> None:
    (folder / "new").write_text(text)
    os.replace(folder / "new", folder / name)  # noqa: PTH105 - the word for it


def edit(live: Live, folder: Path, text: str, outcome: str = "applied", name: str = "subject.py") -> None:
    """Save, and go on until it is told of; then the run stands behind the observation after that."""
    live.calm()
    save(folder, text, name)
    reloaded, _ = live.reloaded(len(live.reloads))
    assert reloaded["outcome"] == outcome, reloaded


def until(live: Live, seen: list[Any]) -> None:
    while live.step() != seen:
        pass


def go_on_until(live: Live, told: str) -> Any:
    """Let it go on step by step until there is such an event."""
    while not (found := [line for line in live.told if line.get("event", {}).get("outcome") == told]):
        live.step()
    return found[-1]["event"]


def answered(live: Live, number: int) -> dict[str, Any]:
    live.hear(lambda line: line.get("event", {}).get("number") == number and line["event"]["type"] == "answered")
    return live.answer(number)


def test_a_pause_while_the_guard_watches_stays_one(live: Live, tmp_path: Path) -> None:
    """The run stands, goes on when it is told to, and is taken back all the same."""
    edit(live, tmp_path, _LATE)
    pause = live.ask("pause")
    live.go_on()
    assert answered(live, pause)["outcome"] == "applied"
    resume = live.ask("resume")
    assert answered(live, resume)["outcome"] == "applied"
    live.seen()
    assert go_on_until(live, "undone")["message"] == "AssertionError: late"
    until(live, ["step", 8])
    assert [line["seen"] for line in live.told if "seen" in line].count(["step", 4]) == 2


def test_a_pause_asked_before_the_old_code_has_come_to_a_checkpoint(live: Live, tmp_path: Path) -> None:
    """It is reached at the first one, and stays a pause."""
    live.calm()
    save(tmp_path, _AT_ONCE)
    while live.step() != ["top", 0]:
        pass
    before = [line["seen"] for line in live.told if "seen" in line][-2]
    pause = live.ask("pause")
    live.go_on()
    assert live.seen() == ["step", before[1] + 1]
    live.go_on()
    assert answered(live, pause)["outcome"] == "applied"
    live.ask("resume")
    assert live.seen() == ["step", before[1] + 2]


@pytest.mark.parametrize("text", [_LATE, _AT_ONCE])
def test_a_stop_ends_the_run(live: Live, tmp_path: Path, text: str) -> None:
    """While the guard watches, and between the undoing and the first step after it."""
    edit(live, tmp_path, text, "applied" if text == _LATE else "undone")
    stop = live.ask("stop")
    live.go_on()
    live.hear(is_status("stopping"))
    while "ended" not in live.told[-1]:
        if "seen" in live.told[-1]:
            live.go_on()
        live.hear(lambda line: "seen" in line or "ended" in line)
    assert live.told[-1] == {"ended": 3}
    assert live.answer(stop)["outcome"] == "applied"


def test_a_set_while_the_guard_watches_goes_with_the_steps_that_are_taken_back(live: Live, tmp_path: Path) -> None:
    """It was applied to what is no more; the record tells of both, in this order."""
    edit(live, tmp_path, _LATE)
    done = live.ask("set", values={"state.rate": 2.0})
    live.go_on()
    assert answered(live, done)["outcome"] == "applied"
    live.seen()
    go_on_until(live, "undone")
    asked = live.ask("call", function="rate")
    while not live.answer(asked):
        live.step()
    assert live.answer(asked)["value"] == 1.0


def test_the_guard_trips_while_a_call_is_executed(live: Live, tmp_path: Path) -> None:
    """The call is made again by the old code; its caller waits, and gets the old code's result."""
    edit(live, tmp_path, _NAN)
    call = live.ask("call", function="measure", args=[3])
    told = len(live.reloads)
    while len(live.reloads) == told:
        live.step()
    assert live.reloads[-1]["message"].startswith("loss is nan")
    while not live.answer(call):
        live.step()
    assert (live.answer(call)["outcome"], live.answer(call)["value"]) == ("applied", 3)
    until(live, ["step", 12])


def test_a_call_whose_new_code_raises_is_answered_and_the_run_goes_on(live: Live, tmp_path: Path) -> None:
    """Its caller is told; that alone is no reason to go back."""
    edit(live, tmp_path, _SCRIPT.replace("total = 0", "total = unknown"), name="script.py")
    call = live.ask("call", function="measure", args=[3])
    while not live.answer(call):
        live.step()
    assert live.answer(call)["outcome"] == "failed"
    until(live, ["step", live.told[-1]["seen"][1] + 12])
    assert [each["outcome"] for each in live.reloads] == ["applied"]


@pytest.mark.parametrize("guard", [0, 10])
def test_asyncio(guard: int, nursery: Nursery, tmp_path: Path) -> None:
    """Soft, hard and undone, in a script that awaits its checkpoints beside another task."""
    save(tmp_path, _WORK)
    save(tmp_path, _ASYNC, "script.py")
    with nursery.worker(tmp_path, guard=guard) as live:
        assert live.seen() == ["step", 1]
        edit(live, tmp_path, _WORK.replace("return x", "return -x"))
        assert live.reloads[-1]["kind"] == "soft"
        edit(live, tmp_path, _ASYNC.replace("TOP = 1", "TOP = 100"), name="script.py")
        assert live.reloads[-1]["kind"] == "hard"
        for _ in range(guard + 2):
            live.step()
        edit(live, tmp_path, _AT_ONCE, "undone")
        first, second = live.step(), live.step()
        assert second[1] == first[1] + 100
        if guard:
            edit(live, tmp_path, _LATE)
            go_on_until(live, "undone")
            first, second = live.step(), live.step()
            assert second[1] == first[1] + 100
