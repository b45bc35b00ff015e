"""From saved or given files to a plan, whatever they contain: it is one, or a refusal that has been reported."""

from pathlib import Path

import pytest

from livespark.errors import CommandRefused
from livespark.protocol.commands import Reload
from livespark.protocol.events import Event, Reloaded
from livespark.runtime.reload.preparation import Preparation
from livespark.runtime.reload.project import Project
from livespark.runtime.reload.sources import Sources

DEEP_CHAIN = "if a: pass\n" + "elif a: pass\n" * 500
DEEP_SUM = "x = " + "+".join(["1"] * 1500)


class Stage:
    """The script `train.py` runs; `told` is what has been reported."""

    def __init__(self, root: Path, text: str = "x = 1\n") -> None:
        self.told: list[Event] = []
        self.path = root / "train.py"
        self.path.write_text(text)
        sources = Sources(Project(root), lambda source: None)
        sources.load(str(self.path), text.encode())
        self.preparation = Preparation(sources, self.told.append, lambda: 7)

    def save(self, text: str) -> bool:
        self.path.write_text(text)
        return self.preparation.prepare(Reload(), explicit=False)

    def give(self, *names: str) -> bool:
        return self.preparation.prepare(Reload(dict.fromkeys(names, "y = 1\n")), explicit=False)


@pytest.mark.parametrize("deep", [DEEP_CHAIN, DEEP_SUM])
def test_what_is_nested_too_deeply_to_be_compared_is_refused(tmp_path: Path, deep: str) -> None:
    """Though Python compiles it: with file and line, as what can't be compiled; the next edit is another matter."""
    stage = Stage(tmp_path)
    with pytest.raises(CommandRefused, match=r"^train.py:1: it is nested too deeply to be compared with what runs$"):
        stage.save(deep)
    (refused,) = stage.told
    assert isinstance(refused, Reloaded)
    assert (refused.outcome, refused.files[0].path) == ("refused", "train.py")
    assert stage.save("x = 2\n")


def test_a_file_that_is_nested_too_deeply_does_not_hold_up_others(tmp_path: Path) -> None:
    """It runs and is not touched; the script is edited beside it."""
    stage = Stage(tmp_path)
    deep = tmp_path / "deep.py"
    deep.write_text(DEEP_CHAIN)
    stage.preparation.sources.load(str(deep), DEEP_CHAIN.encode(), "pytest")
    assert stage.save("x = 2\n")
    assert stage.preparation.newest.plan.names == ["x"]


@pytest.mark.parametrize("name", ["a" * 5000 + ".py", "/".join(["a" * 200] * 50) + ".py", "train.py/" * 900 + "x.py"])
def test_a_name_that_no_file_can_have_is_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    """A client may give any name; nothing runs under this one."""
    stage = Stage(tmp_path)
    assert not stage.give(name)


def test_so_many_files_at_a_time(tmp_path: Path) -> None:
    """Each is looked for on the disk; a flood of names is refused as a whole."""
    stage = Stage(tmp_path)
    assert not stage.give(*(f"a{number}.py" for number in range(1_000)))
    with pytest.raises(
        CommandRefused, match=r"^a reload takes 1,000 files at most: send only those that have changed$"
    ):
        stage.give(*(f"b{number}.py" for number in range(1_001)))
    assert stage.preparation.sources.given(str(tmp_path / "b0.py")) is None


def test_what_has_come_into_force_meanwhile_is_no_change(tmp_path: Path) -> None:
    """A plan that was made while the same version was being put in place leads nowhere."""
    stage = Stage(tmp_path)
    assert stage.save("x = 2\n")
    (source,) = stage.preparation.sources.changed()
    stage.preparation.sources.install(source)
    assert not stage.preparation.take()
