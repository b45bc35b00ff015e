"""Other tools on the same cases: `python rivals.py TOOL FOLDER`, for an interpreter that has the tool.

The folder holds a case (variant `module-soft`) laid out in `project/`, the files that the edit changes in `edit/`, and
`module` names the one with `make` and `probe`. The tool gets what its documentation asks for: its watcher, its magic,
or its decorator on the functions that it can decorate. Files are written in place (jurigged does not notice an atomic
replace), no byte code is written (IPython would take a stale one), and each tool has as long as it needs. It prints
one JSON object: `{"seen": ...}` behind the edit, or `{"error": ...}`.
"""

import importlib
import io
import json
import os
import re
import sys
import threading
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final, NoReturn

_DECORATABLE: Final = re.compile(r"(?<!\S\n)^(?=def (?!(?:make|probe)\b))", re.MULTILINE)
_PATIENCE: Final = 5.0
"""Seconds for a tool that does not say that it is done."""


class _GaveUp(Exception):
    """The tool waits for somebody."""


class _NoAnswer(io.StringIO):
    """A terminal at which nobody sits."""

    def readline(self, size: int | None = -1, /) -> NoReturn:
        raise _GaveUp("waits at the terminal for a fixed file")


def _edit(folder: Path, change: Callable[[str], str] = str) -> None:
    for path in sorted((folder / "edit").rglob("*.py")):
        target = folder / "project" / path.relative_to(folder / "edit")
        target.write_text(change(path.read_text("utf-8")), "utf-8")


def _jurigged(folder: Path, module: str) -> Any:
    jurigged = importlib.import_module("jurigged")
    done = threading.Event()
    left = [sum(1 for _ in (folder / "edit").rglob("*.py"))]

    def count(*_: Any) -> None:
        left[0] -= 1
        if left[0] <= 0:
            done.set()

    def log(event: Any) -> None:
        if isinstance(event, Exception):
            count()

    watcher = jurigged.watch(f"{folder / 'project'}/*", logger=log)
    subject = importlib.import_module(module)
    kept = subject.make()
    subject.probe(kept)
    watcher.postrun.register(count)
    _edit(folder)
    done.wait(_PATIENCE)
    return subject.probe(kept)


def _ipython(folder: Path, module: str) -> Any:
    interactive = importlib.import_module("IPython.core.interactiveshell").InteractiveShell
    shell = interactive.instance(history_length=0)
    shell.history_manager.enabled = False
    shell.showtraceback = shell.showsyntaxerror = lambda *_, **__: None
    for line in ("%load_ext autoreload", "%autoreload 2", f"import {module} as subject", "kept = subject.make()"):
        shell.run_cell(line)
    shell.run_cell("subject.probe(kept)").raise_error()
    _edit(folder)
    result = shell.run_cell("subject.probe(kept)")
    result.raise_error()
    return result.result


def _reloading(folder: Path, module: str) -> Any:
    for path in sorted((folder / "edit").rglob("*.py")):
        target = folder / "project" / path.relative_to(folder / "edit")
        target.write_text(_decorated(target.read_text("utf-8")), "utf-8")
    subject = importlib.import_module(module)
    kept = subject.make()
    subject.probe(kept)
    _edit(folder, _decorated)
    return subject.probe(kept)


def _decorated(text: str) -> str:
    """With `@reloading` on each undecorated function at the top level."""
    lines = _DECORATABLE.sub("@reloading\n", text)
    future = "from __future__ import annotations\n"
    head = future if future in lines else ""
    return f"{head}from reloading import reloading\n{lines.replace(future, '')}"


_TOOLS: Final[dict[str, Callable[[Path, str], Any]]] = {
    "jurigged": _jurigged,
    "ipython": _ipython,
    "reloading": _reloading,
}


def _main(tool: str, folder: Path) -> None:
    os.chdir(folder / "project")
    sys.path.insert(0, str(folder / "project"))
    sys.dont_write_bytecode = True
    sys.stdin = _NoAnswer()
    try:
        with redirect_stdout(sys.stderr):
            answer = {"seen": _TOOLS[tool](folder, (folder / "module").read_text("utf-8"))}
    except Exception as error:
        text = str(error) if isinstance(error, _GaveUp) else f"{type(error).__name__}: {error}"
        answer = {"error": text}
    print(json.dumps(answer), flush=True)
    os._exit(0)


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]).resolve())
