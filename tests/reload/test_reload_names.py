"""A file that is loaded under two names: the script, and itself imported as a module."""

from pathlib import Path

from tests.reload.live import Nursery

_SCRIPT = """
import stepping

import helper
import livespark as spark

BASE = {base}


def value():
    return BASE + {more}


if __name__ == "__main__":
    while True:
        stepping.report([value(), helper.ask()])
        spark.checkpoint()
"""
_HELPER = """
def ask():
    import script

    return script.value()
"""


def test_a_script_that_is_imported_as_a_module_changes_in_both_places(nursery: Nursery, tmp_path: Path) -> None:
    """Softly and hard: the script's function and the module's stay the same."""
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT.format(base=10, more=1))
    (tmp_path / "helper.py").write_text(_HELPER)
    with nursery.worker(tmp_path) as live:
        assert live.seen() == [11, 11]
        script.write_text(_SCRIPT.format(base=10, more=2))
        reloaded, seen = live.reloaded()
        assert (reloaded["kind"], seen) == ("soft", [12, 12])
        script.write_text(_SCRIPT.format(base=20, more=3))
        reloaded, seen = live.reloaded(1)
        assert (reloaded["kind"], seen) == ("hard", [23, 23])
