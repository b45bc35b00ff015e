"""What a reload leaves where it can't go on, or where nobody goes on after it: never a dead run, never a lost edit."""

import os
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import pytest

from livespark.runtime.reload.plan import Plan
from livespark.runtime.reload.renewal import Renewal
from livespark.runtime.reload.trials import Trials
from tests.reload.live import Live, Nursery
from tests.reload.training import is_status

_WORK = "def work(x):\n    return x\n"
_SCRIPT = """
import stepping
import subject

import livespark as spark

state = spark.persist("state", lambda: {"step": 0})

for number in spark.loop("steps", range(1_000_000)):
    state["step"] += 1
    stepping.report([state["step"], subject.work(1)])
"""


def save(folder: Path, text: str, name: str = "subject.py") -> None:
    (folder / "new").write_text(text)
    (folder / name).parent.mkdir(exist_ok=True)
    os.replace(folder / "new", folder / name)  # noqa: PTH105 - the word for it


def test_a_new_submodule_of_an_undone_reload_is_loaded_again(nursery: Nursery, tmp_path: Path) -> None:
    """Its package does not hold on to what has been forgotten."""
    save(tmp_path, _WORK)
    save(tmp_path, "", "kit/__init__.py")
    script = _SCRIPT.replace("import subject", "import kit\nimport subject")
    save(tmp_path, script, "script.py")
    with nursery.worker(tmp_path) as live:
        assert live.seen() == [1, 1]
        save(tmp_path, "def extra():\n    raise RuntimeError('not yet')\n", "kit/new.py")
        extended = script.replace("import kit", "from kit import new").replace("subject.work(1)", "new.extra()")
        save(tmp_path, extended, "script.py")
        assert live.reloaded()[0]["outcome"] == "undone"
        save(tmp_path, "def extra():\n    return 5\n", "kit/new.py")
        reloaded, seen = live.reloaded(1)
        assert (reloaded["outcome"], seen[1]) == ("applied", 5)


_HEAVY = """
class Heavy(list):
    def __iter__(self):
        raise MemoryError("no room for a second one")

heavy = spark.persist("heavy", Heavy)
"""


@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_the_guard_has_no_room_for_a_copy(kind: str, nursery: Nursery, tmp_path: Path) -> None:
    """It says so and does not watch; the reload happens, and the run goes on."""
    save(tmp_path, _WORK)
    script = _SCRIPT.replace("\nfor", f"{_HEAVY}\nfor")
    save(tmp_path, script, "script.py")
    with nursery.worker(tmp_path, guard=3) as live:
        live.seen()
        live.calm()
        if kind == "soft":
            save(tmp_path, "def work(x):\n    return -x\n")
        else:
            save(tmp_path, script.replace("(1)", "(-1)"), "script.py")
        reloaded, seen = live.reloaded()
        assert (reloaded["outcome"], reloaded["kind"], seen[1]) == ("applied", kind, -1)
        assert "MemoryError: no room" in notice(live)


def test_what_the_guard_can_not_copy_is_told(nursery: Nursery, tmp_path: Path) -> None:
    """It would stay as it is if the reload were taken back."""
    save(tmp_path, _WORK)
    lock = '\nimport threading\nheld = spark.persist("held", lambda: [threading.Lock()])\n'
    save(tmp_path, _SCRIPT.replace("\nfor", f"{lock}\nfor"), "script.py")
    with nursery.worker(tmp_path, guard=3) as live:
        live.seen()
        live.calm()
        save(tmp_path, "def work(x):\n    return -x\n")
        assert live.reloaded()[0]["outcome"] == "applied"
        assert "held[0] is a lock" in notice(live)


def notice(live: Live) -> str:
    """What would not come back."""
    told = [line["event"] for line in live.told if line.get("event", {}).get("code") == "not-undone"]
    return str(told[0]["text"]) if told else ""


_RECORD = """
from dataclasses import dataclass, field


@dataclass
class Record:
    x: int = 1


def work(record):
    return record.x
"""


def test_a_field_that_the_new_code_has_deleted_again_does_not_end_the_run(nursery: Nursery, tmp_path: Path) -> None:
    """It is gone, as it should be; the old code runs on."""
    save(tmp_path, _RECORD)
    script = _SCRIPT.replace("{}", "{}").replace('{"step": 0}', '{"step": 0, "record": subject.Record()}')
    save(tmp_path, script.replace("work(1)", 'work(state["record"])'), "script.py")
    with nursery.worker(tmp_path) as live:
        assert live.seen() == [1, 1]
        new = _RECORD.replace("x: int = 1", "x: int = 1\n    y: list = field(default_factory=list)")
        save(tmp_path, new.replace("    return", "    del record.y\n    raise RuntimeError('at once')\n    return"))
        assert live.reloaded()[0]["outcome"] == "undone"
        assert live.step()[1] == 1
        assert not notice(live)


def test_what_can_not_be_put_back_does_not_end_the_run() -> None:
    """It is told, and everything else is put back: of the same reload, and of those before."""
    said: list[str] = []
    done: list[str] = []
    trials = Trials(said.append)
    for name in ("first", "second"):
        renewal = Renewal(Plan(), Mock(), lambda _: None)
        renewal.on_undo(partial(done.append, name))
        renewal.on_undo(lambda: os.environ["GONE"])
        trials.add(None, renewal)
    trials.take_back(lambda _: None)
    assert done == ["second", "first"]
    assert said == ["the former code could not be put back completely: KeyError: 'GONE'"] * 2


def test_an_edit_that_is_saved_when_the_guard_trips_follows(nursery: Nursery, tmp_path: Path) -> None:
    """What is taken back is the code before it alone."""
    save(tmp_path, _WORK)
    save(tmp_path, _WORK, "more.py")
    script = _SCRIPT.replace("work(1)", "work(state['step'])").replace("import subject", "import more\nimport subject")
    loss = "    spark.log(loss=float(more.work(1)))\n"
    save(tmp_path, script + loss, "script.py")
    with nursery.worker(tmp_path, guard=10) as live:
        live.seen()
        live.calm()
        save(
            tmp_path,
            "SEEN = []\ndef work(x):\n    SEEN.append(x)\n    return x if len(SEEN) < 3 else 'nan'\n",
            "more.py",
        )
        assert live.reloaded()[0]["outcome"] == "applied"
        live.calm()
        save(tmp_path, "def work(x):\n    return -x\n")
        undone, _ = live.reloaded(1)
        assert undone["message"].startswith("loss is nan")
        applied, seen = live.reloaded(2)
        assert (applied["outcome"], applied["changed"], seen[1]) == ("applied", ["subject.work"], -seen[0])


_SERVED = """
import stepping
import subject

import livespark as spark

spark.expose(ask=lambda: subject.work(1))
stepping.report("top")
"""


@pytest.mark.parametrize("guard", [0, 3])
def test_what_came_while_the_run_was_idle_stays(guard: int, nursery: Nursery, tmp_path: Path) -> None:
    """No checkpoint will prove it; an edit that raises long afterwards does not take it along."""
    save(tmp_path, _WORK)
    save(tmp_path, _SERVED, "script.py")
    with nursery.worker(tmp_path, guard=guard) as live:
        live.seen()
        live.go_on()
        live.hear(is_status("idle"))
        save(tmp_path, "def work(x):\n    return -x\n")
        live.hear(lambda line: line.get("event", {}).get("outcome") == "applied")
        save(tmp_path, f"{_SERVED}\nundefined()\n", "script.py")
        live.seen()
        live.go_on()
        live.hear(lambda line: line.get("event", {}).get("outcome") == "undone")
        live.seen()
        live.go_on()
        live.hear(is_status("idle"))
        assert [each["changed"] for each in live.reloads] == [["subject.work"], ["line 10"]]


_STREAM = """
from torch.utils.data import IterableDataset


class Stream(IterableDataset):
    def __iter__(self):
        for number in range(100):
            yield number
"""
_STREAMED = """
import stepping
import subject
from torch.utils.data import DataLoader

import livespark as spark

items = spark.persist("items", lambda: iter(DataLoader(subject.Stream(), num_workers=1)))
spark.expose(draw=lambda: int(next(items)))
stepping.report(int(next(items)))
"""


def test_workers_that_can_not_take_the_new_code_refuse_it(torch_nursery: Nursery, tmp_path: Path) -> None:
    """While the run is idle, too: it does not end, and the workers go on with the old code."""
    save(tmp_path, _STREAM)
    save(tmp_path, _STREAMED, "script.py")
    with torch_nursery.worker(tmp_path) as live:
        assert live.seen() == 0
        live.go_on()
        live.hear(is_status("idle"))
        save(tmp_path, _STREAM.replace("        for", "        raise RuntimeError('no stream')\n        for"))
        told = live.hear(lambda line: "outcome" in line.get("event", {}) or "ended" in line)
        assert told["event"]["outcome"] == "refused"
        assert "no stream" in told["event"]["message"]
        draw = live.ask("call", function="draw")
        live.hear(lambda line: line.get("event", {}).get("type") == "answered")
        assert live.answer(draw)["value"] == 1


def test_workers_that_can_not_take_the_new_code_when_the_script_has_ended(
    torch_nursery: Nursery, tmp_path: Path
) -> None:
    """It has run again, without a loop; the run is idle, and the workers are named."""
    save(tmp_path, _STREAM)
    save(tmp_path, _STREAMED, "script.py")
    with torch_nursery.worker(tmp_path) as live:
        assert live.seen() == 0
        live.go_on()
        live.hear(is_status("idle"))
        broken = _STREAM.replace("        for", "        raise RuntimeError('no stream')\n        for")
        save(tmp_path, f"{broken}\nADDED = 1\n")
        assert live.seen() == 1
        live.go_on()
        live.hear(lambda line: line.get("event", {}).get("state") == "idle" or "ended" in line)
        assert live.reloads[-1]["outcome"] == "applied"
        told = [line["event"]["text"] for line in live.told if line.get("event", {}).get("code") == "old-code"]
        assert "no stream" in told[0]
        assert "ended" not in live.told[-1]
