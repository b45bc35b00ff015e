"""The project `training` in a live worker: what its steps come to, and what is told of its edits."""

import os
import shutil
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, Final

from tests.reload.live import Live, Reloaded

__all__ = ("PROJECT", "Training", "is_status", "lay_out", "original")

PROJECT: Final = Path(__file__).with_name("projects") / "training"
_PATIENCE: Final = 2000
"""Steps after which an edit that nothing is told of is given up."""


class Training:
    """One worker that runs the project in `folder`."""

    def __init__(self, live: Live, folder: Path) -> None:
        self.live = live
        self.folder = folder
        live.seen()

    @property
    def steps(self) -> dict[int, list[str]]:
        """What was seen of each step when it was done last: its loss, and a digest of everything."""
        seen = [line["seen"] for line in self.live.told if "seen" in line]
        assert all(logged == step for logged, step, *_ in seen), "a step's traces are there without the step"
        return {step: figures for _, step, *figures in seen}

    @property
    def last(self) -> int:
        """The number of the step that was done last."""
        return int(next(line["seen"][1] for line in reversed(self.live.told) if "seen" in line))

    def step(self, count: int = 1) -> None:
        for _ in range(count):
            self.live.step()

    def save(self, texts: Mapping[str, str]) -> None:
        """All files are what they were at the beginning, but for these."""
        self.live.calm()
        for original in PROJECT.glob("*.py"):
            wanted = texts.get(original.name, original.read_text())
            if (self.folder / original.name).read_text() != wanted:
                new = self.folder / f"{original.name}.new"
                new.write_text(wanted)
                os.replace(new, self.folder / original.name)  # noqa: PTH105 - the word for it

    def await_outcome(self, outcomes: Container[str], told: int | None = None) -> Reloaded:
        """Go on until the run tells of a reload with one of these outcomes, after the `told` first ones."""
        told = len(self.live.reloads) if told is None else told
        end = len(self.live.told) + _PATIENCE
        while not (found := [each for each in self.live.reloads[told:] if each["outcome"] in outcomes]):
            assert len(self.live.told) < end, (outcomes, self.live.reloads[-2:])
            self.live.reloaded(len(self.live.reloads))
        return found[-1]

    def compare(self, undisturbed: Live) -> None:
        """Each step up to here is what it is in a run that nobody edits."""
        other = Training(undisturbed, self.folder)
        while other.last < self.last:
            other.step()
        assert self.steps == other.steps


def lay_out(folder: Path) -> Path:
    """The project's files, in a folder of its own."""
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def original(name: str, *changes: tuple[str, str]) -> dict[str, str]:
    """A file of the project with some replacements, for `Training.save`."""
    text = (PROJECT / name).read_text()
    for old, new in changes:
        assert text.count(old) == 1, (name, old)
        text = text.replace(old, new)
    return {name: text}


def is_status(state: str) -> Any:
    """For `Live.hear`: the run has come to this state."""
    return lambda line: line.get("event", {}).get("state") == state
