"""What to run, checked before anything is started."""

import ast
import importlib.machinery
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from livespark.errors import UsageError
from livespark.protocol.runs import Entry

__all__ = ("current_folder", "environment", "script_entry")


def script_entry(script: str | None, module: str | None, args: Sequence[str]) -> Entry:
    """The entry that a command line names. Raises UsageError: nothing given, no such file, not Python."""
    if module is not None:
        _check_module(module)
        return Entry(module=module, args=_texts([*([script] if script is not None else []), *args]))
    if script is None:
        raise UsageError("what shall run? Give a script, or -m MODULE")
    (script,) = _texts([script])
    _check_script(Path(script))
    return Entry(script=script, args=_texts(args))


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


def _check_script(path: Path) -> None:
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the script in it, or -m for a package")
    try:
        source = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"there is no script {path} in {Path.cwd()}") from None
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(source, str(path), "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except SyntaxError as error:
        raise UsageError(_pointed(path, error)) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"{path} is no Python source: {error or 'it is nested too deeply'}") from None


def _check_module(module: str) -> None:
    top = module.partition(".")[0]
    if not all(part.isidentifier() for part in module.split(".")):
        raise UsageError(f"{module!r} is no module's name")
    if importlib.machinery.PathFinder.find_spec(top, [str(Path.cwd()), *sys.path]) is None:
        raise UsageError(f"there is no module {top!r} in {Path.cwd()} or among the installed packages")


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
