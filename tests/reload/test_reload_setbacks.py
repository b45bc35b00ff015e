"""What a reload leaves where it can't go on, or where nobody goes on after it: never a dead run, never a lost edit."""

import os
from pathlib import Path

from tests.reload.live import Nursery

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
