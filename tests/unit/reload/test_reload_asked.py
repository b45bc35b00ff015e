"""What is asked while something else is being carried out is neither lost nor done twice."""

import threading
from pathlib import Path

import pytest

from livespark.protocol.commands import Reload
from livespark.runtime.reload.preparation import Preparation
from livespark.runtime.reload.project import Project
from livespark.runtime.reload.sources import Source, Sources


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "script.py"
    file.write_text("x = 1\n")
    return file


@pytest.fixture
def preparation(file: Path) -> Preparation:
    """For a script that runs."""
    sources = Sources(Project(file.parent), lambda _: None)
    sources.load(str(file), file.read_bytes())
    return Preparation(sources, lambda _: None, lambda: None)


def test_what_is_given_back_is_asked_with_what_came_meanwhile(file: Path, preparation: Preparation) -> None:
    """A save does not take the place of a wish."""
    preparation.prepare(Reload(skip=True, clear=["model"]), explicit=True)
    taken = preparation.take()
    file.write_text("x = 2\n")
    preparation.prepare(Reload(), explicit=False)
    preparation.give_back(taken)
    asked = preparation.take()
    assert (asked.explicit, asked.skip, asked.clear) == (True, True, frozenset({"model"}))
    assert [each.after.text for each in asked.plan.files] == ["x = 2\n"]


def test_a_watched_file_that_changed_is_given_back_with_what_came_meanwhile(
    file: Path, preparation: Preparation
) -> None:
    """It is named once, as it is shown."""
    extra = file.with_name("table.json")
    extra.write_text("1")
    preparation.sources.watch(str(extra))
    extra.write_text("22")
    preparation.prepare(Reload(), explicit=False)
    taken = preparation.take()
    file.write_text("x = 2\n")
    preparation.prepare(Reload(), explicit=False)
    preparation.give_back(taken)
    file.write_text("x = 33\n")
    preparation.prepare(Reload(), explicit=False)
    asked = preparation.take()
    assert asked.plan.extras == ("table.json",)
    assert [each.after.text for each in asked.plan.files] == ["x = 33\n"]


def test_what_runs_by_now_is_no_change(file: Path, preparation: Preparation) -> None:
    """It was seen twice: the first time it has been carried out."""
    file.write_text("x = 2\n")
    preparation.prepare(Reload(), explicit=False)
    preparation.prepare(Reload(), explicit=False)
    newest = preparation.newest
    first = preparation.take()
    preparation.give_back(newest)
    preparation.sources.install(first.plan.files[0].after)
    assert not preparation.take()


def test_whoever_takes_does_not_wait_for_a_file_to_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The training thread goes on while another thread hangs in a network file system."""
    script = tmp_path / "train.py"
    script.write_text("x = 1\n")
    sources = Sources(Project(tmp_path), lambda source: None)
    sources.load(str(script), script.read_bytes())
    preparation = Preparation(sources, lambda event: None, lambda: None)
    reading, read = threading.Event(), threading.Event()

    def hang() -> list[Source]:
        reading.set()
        read.wait()
        return []

    monkeypatch.setattr(sources, "changed", hang)
    thread = threading.Thread(target=lambda: preparation.prepare(Reload(), explicit=True))
    thread.start()
    reading.wait()
    assert not preparation.take()
    read.set()
    thread.join()
    assert preparation.take().explicit
