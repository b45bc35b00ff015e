"""A run under `livespark dev` whose files are edited, as a person at an editor does it."""

import textwrap
from pathlib import Path
from typing import Any

from livespark import connect
from tests.e2e.stage import Stage, Terminal, eventually

__all__ = ("Editing", "replace")

Reloaded = dict[str, Any]
"""The event `reloaded`, as on the wire."""


def replace(path: Path, source: str) -> None:
    """Save as most editors do: a new file takes the place of the old one."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(textwrap.dedent(source))
    beside.replace(path)


class Editing:
    """The newest run of a stage. `terminal` is where it was started."""

    def __init__(self, stage: Stage, terminal: Terminal) -> None:
        self.stage, self.terminal = stage, terminal
        self.run = stage.run_id()

    @classmethod
    def start(cls, stage: Stage, source: str, *words: str, until: str = "running") -> "Editing":
        """`livespark dev train.py`, up to the state `until`."""
        stage.write("train.py", source)
        editing = cls(stage, stage.dev("train.py", *words))
        editing.reaches(until)
        return editing

    @property
    def proxy(self) -> Any:
        """The run in the hand of the Python client."""
        return connect(self.run)

    def save(self, name: str, *changes: tuple[str, str]) -> str:
        """Replace parts of a file. -> its new text."""
        path = self.stage.folder / name
        text = path.read_text()
        for old, new in changes:
            assert old in text, (old, text)
            text = text.replace(old, new)
        replace(path, text)
        return text

    @property
    def reloads(self) -> list[Reloaded]:
        """Every reload so far, applied or not."""
        found = self.stage.get(f"/api/runs/{self.run}/reloads")["reloads"]
        return [record["event"] for record in found]

    def reloaded(self, number: int, outcome: str = "applied", kind: str | None = None) -> Reloaded:
        """Wait until the run has had `number` reloads, of which the last has this outcome and kind. -> that one."""
        found = eventually(lambda: found if len(found := self.reloads) >= number else None, f"{number} reloads")
        assert len(found) == number, found
        last: Reloaded = {"kind": None, "message": "", **found[-1]}
        assert (last["outcome"], last["kind"] if kind else None) == (outcome, kind), last
        return last

    def reaches(self, *states: str) -> dict[str, Any]:
        return self.stage.reaches(self.run, *states)

    def call(self, function: str, *args: Any) -> Any:
        return self.stage.call(self.run, function, *args)

    def goes_on(self, by: int = 20) -> None:
        """The run's steps grow."""
        first = self.step
        eventually(lambda: self.step >= first + by, f"{by} more steps than {first}")

    @property
    def step(self) -> int:
        """Asked of the training thread: the step at which it answers."""
        return int(self.stage.command(self.run, "set", values={}).get("step") or 0)

    def types(self, *words: str, cwd: Path | None = None) -> tuple[int, str]:
        """A `livespark` command to its end. -> its exit status and everything that it wrote."""
        terminal = self.stage.livespark(*words, cwd=cwd)
        return terminal.wait(), terminal.text
