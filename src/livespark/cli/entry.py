"""What to run, checked before anything is started."""

import ast
import importlib.machinery
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from livespark.errors import UsageError
from livespark.protocol.runs import Entry, Run

__all__ = ("Program", "again", "current_folder", "environment", "script_entry")


class Program(NamedTuple):
    """What to execute, where, and with which interpreter."""

    entry: Entry
    cwd: str
    python: str


def script_entry(script: str | None, module: str | None, args: Sequence[str]) -> Entry:
    """The entry that a command line names. Raises UsageError: nothing given, no such file, not Python."""
    if module is not None:
        _check_module(module, Path())
        return Entry(module=module, args=_texts([*([script] if script is not None else []), *args]))
    if script is None:
        if not args:
            raise UsageError("what shall run? Give a script, or -m MODULE")
        script, *args = args
    (script,) = _texts([script])
    _check_script(Path(script), Path())
    return Entry(script=script, args=_texts(args))


def again(run: Run, args: Sequence[str]) -> Program:
    """The program of an earlier run, in its folder; `args` replace its arguments where there are some.

    Raises UsageError where it is no longer there.
    """
    entry, folder = run.entry, Path(run.cwd)
    if not folder.is_dir():
        raise UsageError(f"the folder {folder} of {run.id} does not exist any more; name the script")
    python = run.python if os.access(run.python, os.X_OK) else sys.executable
    if not entry.module:
        _check_script(Path(entry.script), folder)
    elif python == sys.executable:
        _check_module(entry.module, folder)
    return Program(Entry(entry.script, entry.module, _texts(args) or entry.args), run.cwd, python)


def current_folder() -> str:
    """Where the run takes place. Raises UsageError for a folder that is gone, or that no JSON can name."""
    try:
        (folder,) = _texts([str(Path.cwd())])
    except FileNotFoundError:
        raise UsageError("the current folder does not exist any more; change to another one") from None
    return folder


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment a run gets: all of ours that can be written as UTF-8, but nothing that was meant for this process
    alone.
    """
    return {name: text for name, text in environ.items() if name != "LIVESPARK_PIPES" and _is_text(name + text)}


def _check_script(path: Path, folder: Path) -> None:
    place = folder / path
    if place.is_dir():
        raise UsageError(f"{path} is a folder; give the script in it, or -m for a package")
    try:
        source = place.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"there is no script {path} in {folder.absolute()}") from None
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(source, str(path), "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except SyntaxError as error:
        raise UsageError(_pointed(path, error)) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"{path} is no Python source: {error or 'it is nested too deeply'}") from None


def _check_module(module: str, folder: Path) -> None:
    top = module.partition(".")[0]
    if not all(part.isidentifier() for part in module.split(".")):
        raise UsageError(f"{module!r} is no module's name")
    if importlib.machinery.PathFinder.find_spec(top, [str(folder.absolute()), *sys.path]) is None:
        raise UsageError(f"there is no module {top!r} in {folder.absolute()} or among the installed packages")


def _pointed(path: Path, error: SyntaxError) -> str:
    """`train.py:31 unexpected indent`, the line, and a caret below the place."""
    head = f"{path}:{error.lineno or 1} {error.msg}"
    if error.text is None:
        return head
    line = error.text.rstrip("\n")
    shown = line.lstrip()
    column = max(0, (error.offset or 1) - 1 - (len(line) - len(shown)))
    return f"{head}\n    {shown}\n    {' ' * min(column, len(shown))}^"


def _texts(words: Sequence[str]) -> list[str]:
    for word in words:
        if not _is_text(word):
            raise UsageError(f"{os.fsencode(word)!r} is not UTF-8 and can't be passed on")
    return list(words)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
