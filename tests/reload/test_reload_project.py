"""A project of many files, edited again and again while it runs: what each edit does to the run."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.reload.live import Nursery

_PROJECT: Final = Path(__file__).with_name("projects") / "multi"
_BEGINNING: Final = {"loss": [7, 1, 2], "size": 6, "config": "Config(width=3)", "tell": "<width 3>"}


@dataclass(frozen=True)
class Edit:
    """`texts`: what is replaced, by path. `sees`: what a step sees otherwise than before."""

    texts: Mapping[str, Sequence[tuple[str, str]]]
    outcome: str
    kind: str | None
    sees: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""


_FORWARD: Final = "return x * self.config.width"
_TELL: Final = 'return f"width {model.config.width}"'
_EDITS: Final = {
    "a method, below a circular import": Edit(
        {"engine/model.py": [(_FORWARD, f"{_FORWARD} * 10")]}, "applied", "soft", {"loss": [61, 1, 2]}
    ),
    "a function that another module calls": Edit(
        {"engine/losses.py": [("+ model.SCALE", "+ model.SCALE * 2")]}, "applied", "soft", {"loss": [62, 1, 2]}
    ),
    "a constant that others import and derive from": Edit(
        {"engine/config.py": [("RATE = 1\n", "RATE = 5\n")]}, "applied", "hard", {"loss": [62, 5, 10]}
    ),
    "a syntax error": Edit({"engine/callbacks/report.py": [(_TELL, "return (")]}, "refused", None, words="report.py"),
    "its repair, with a new callback": Edit(
        {
            "engine/callbacks/report.py": [
                ("return (", f"{_TELL}.upper()\n\n\n@register\ndef also(model: Model) -> int:\n    return 1"),
            ]
        },
        "applied",
        "soft",
        {"tell": "<WIDTH 3>", "also": 1},
    ),
    "a decorator, and the new field of a living dataclass": Edit(
        {
            "engine/callbacks/report.py": [('"<{function(model)}>"', '"[{function(model)}]"')],
            "engine/config.py": [("width: int = 3", "width: int = 3\n    depth: int = 2")],
        },
        "applied",
        "soft",
        {"tell": "[WIDTH 3]", "config": "Config(width=3, depth=2)"},
    ),
    "an exception in the first step": Edit(
        {"engine/losses.py": [("of.forward(x)", "of.backward(x)")]}, "undone", None, words="backward"
    ),
    "another signature, with its caller in another file": Edit(
        {
            "engine/losses.py": [
                ('distance(of: "Model", x: int)', 'distance(of: "Model", x: int, by: int)'),
                ("of.backward(x)", "of.forward(x) * by"),
            ],
            "engine/model.py": [("losses.distance(self, x)", "losses.distance(self, x, 2)")],
        },
        "applied",
        "soft",
        {"loss": [122, 5, 10]},
    ),
    "the loop itself": Edit(
        {"script.py": [("seen[name] = callback(model)", "seen[name] = [callback(model)]")]},
        "applied",
        "hard",
        {"tell": ["[WIDTH 3]"], "also": [1]},
    ),
    "a constant for a C extension": Edit({"engine/codec.py": [('"<h"', '"<i"')]}, "applied", "hard", {"size": 12}),
    "an attribute that the living model lacks": Edit(
        {
            "engine/model.py": [
                ("self.config = config", "self.config = config\n        self.bias = 4"),
                ("self.config.width * 10", "self.config.width * 10 + self.bias"),
            ]
        },
        "refused",
        None,
        words="bias",
    ),
    "the same with a migration": Edit(
        {
            "engine/model.py": [
                (
                    "    def forward",
                    "    def __livespark_migrate__(self, old_source: str) -> None:\n        self.bias = 4\n\n"
                    "    def forward",
                )
            ]
        },
        "applied",
        "soft",
        {"loss": [130, 5, 10]},
    ),
}


def test_a_project_is_edited_a_dozen_times_while_it_runs(nursery: Nursery, tmp_path: Path) -> None:
    """Each edit does what it should, whatever came before it, and the run never ends."""
    project = tmp_path / "multi"
    shutil.copytree(_PROJECT, project, ignore=shutil.ignore_patterns("__pycache__"))
    expected: dict[str, Any] = dict(_BEGINNING)
    with nursery.worker(project) as live:
        assert live.seen() == expected
        for title, edit in _EDITS.items():
            told = len(live.reloads)
            _save(project, edit)
            reloaded, seen = live.reloaded(told)
            while reloaded["outcome"] == "applied" != edit.outcome:
                reloaded, seen = live.reloaded(len(live.reloads))
            expected.update(edit.sees)
            assert reloaded["outcome"] == edit.outcome, (title, reloaded)
            assert edit.kind in (None, reloaded.get("kind")), (title, reloaded)
            assert edit.words in str(reloaded), (title, reloaded)
            assert seen == expected, (title, reloaded)


def _save(project: Path, edit: Edit) -> None:
    """As editors do: a new file takes the place of the old one."""
    for path, changes in edit.texts.items():
        text = (project / path).read_text()
        for old, new in changes:
            assert text.count(old) == 1, (path, old)
            text = text.replace(old, new)
        new_file = project / f"{path}.new"
        new_file.write_text(text)
        os.replace(new_file, project / path)  # noqa: PTH105 - the word for it
