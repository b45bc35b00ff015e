"""The cases: one folder each, with one kind of edit, and how a project is made of it.

`before.py` and `after.py` are one file of the user's before and after the edit. It defines `make()`, which makes the
live object (called once, its result is persisted), and `probe(kept)`, which tells as a JSON value what a step of the
run sees; calling it any number of times is the same as calling it once. Below `files/` are more files of the project,
below `also/` those that the edit changes, too. `case.toml`:

* `title`, `group`: for people; a row of the parity table.
* `expect`: `follows`, `refused` (nothing happened), `undone` (it was taken back); alternatives are separated by `|`.
  `sentence`: a regular expression that is found in what is said about it.
* `kind`: how the edit alone is applied, `soft` or `hard`.
* `seen_before`, `seen_after`: what `probe` gives, as JSON.
* `place`: where the edited file is in the project (`subject.py`); `probe_in`: the module with `make` and `probe`.
* `variants`: where it makes sense, all of `VARIANTS` if left out. `torch`: needs PyTorch.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ("CASES", "VARIANTS", "Case", "Project", "cases")

CASES: Final = Path(__file__).with_name("cases")
VARIANTS: Final = ("module-soft", "module-hard", "script-soft", "script-hard")
"""Where the edited code is; and whether it is edited alone, or together with a top-level constant of the script."""

_LOOP: Final = """
import stepping

import livespark as spark

TOUCH = {touch}
kept = spark.persist("kept", {make})
while True:
    stepping.report({probe}(kept))
    spark.checkpoint()
"""


@dataclass(frozen=True)
class Case:
    """One folder."""

    folder: Path
    title: str
    group: str
    expect: str
    kind: str
    seen_before: Any
    seen_after: Any
    sentence: str = ""
    place: str = "subject.py"
    probe_in: str = ""
    variants: tuple[str, ...] = VARIANTS
    torch: bool = False

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def module(self) -> str:
        """The module with `make` and `probe`."""
        return self.probe_in or self.place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def outcomes(self) -> tuple[str, ...]:
        """What a reload may tell as its outcome."""
        return tuple({"follows": "applied"}.get(word, word) for word in self.expect.split("|"))

    def source(self, version: str) -> str:
        """The edited file, `before` or `after`."""
        return (self.folder / f"{version}.py").read_text("utf-8")

    def extra(self, folder: str) -> dict[str, str]:
        """The texts below `files` or `also`, by path in the project."""
        root = self.folder / folder
        return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in sorted(root.rglob("*.py"))}


class Project:
    """The files of a variant of a case, in a folder of their own."""

    def __init__(self, case: Case, variant: str, folder: Path) -> None:
        self.folder = folder
        self._case = case
        self._in_script = variant.startswith("script")
        self._hard = variant.endswith("hard")

    def lay_out(self) -> None:
        """Write the project as it is before the edit."""
        self._write({**self._case.extra("files"), **self._files("before", touch=0), "script.py": self._script(0)})

    def edit(self) -> None:
        """Save the edit, as editors do: new files take the places of the old ones."""
        files = {**self._files("after", touch=1), **self._case.extra("also")}
        self._write({**files, "script.py": self._script(1)} if self._hard else files)

    def _files(self, version: str, touch: int) -> dict[str, str]:
        if self._in_script:
            return {"script.py": self._script(touch if self._hard else 0, version)}
        return {self._case.place: self._case.source(version)}

    def _script(self, touch: int, version: str = "") -> str:
        version = version or ("after" if touch else "before")
        if self._in_script:
            return self._case.source(version) + _LOOP.format(touch=touch, make="make", probe="probe")
        loop = _LOOP.format(touch=touch, make="subject.make", probe="subject.probe")
        return f"import {self._case.module} as subject\n{loop}"

    def _write(self, files: Mapping[str, str]) -> None:
        written = [(self.folder / f"{path}.new", self.folder / path) for path in files]
        for (new, _), text in zip(written, files.values(), strict=True):
            new.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(text, "utf-8")
        for new, path in written:
            os.replace(new, path)  # noqa: PTH105 - one rename right behind the other


def cases() -> list[Case]:
    """All of them, by name."""
    return [_read(path.parent) for path in sorted(CASES.glob("*/case.toml"))]


def _read(folder: Path) -> Case:
    said: dict[str, Any] = tomllib.loads((folder / "case.toml").read_text("utf-8"))
    for name in ("seen_before", "seen_after"):
        said[name] = json.loads(said[name])
    said["variants"] = tuple(said.get("variants", VARIANTS))
    return Case(folder, **said)
