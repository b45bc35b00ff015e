"""New source to send to a run: a text, texts by path, or files of this machine."""

import os
from collections.abc import Iterable, Mapping
from importlib.util import decode_source
from pathlib import Path
from typing import TypeAlias

from livespark.errors import UsageError
from livespark.protocol.commands import Reload
from livespark.protocol.runs import Run

__all__ = ("Code", "asked", "named", "read_files")

Code: TypeAlias = str | Mapping[str, str] | os.PathLike[str] | Iterable[str | os.PathLike[str]]
"""The script's text; texts by path inside the project; a `Path`, or a list of paths, of files to read."""


def asked(files: dict[str, str], skip: bool, clear: Iterable[str]) -> Reload:
    """The command. `clear` may be one key."""
    return Reload(files, skip, [clear] if isinstance(clear, str) else list(clear))


def named(code: Code, run: Run) -> dict[str, str]:
    """Texts by path. A single text, or the one of path `""`, is that of the script which the run executes.

    Reads files. Raises UsageError.
    """
    if isinstance(code, os.PathLike):
        return read_files([code])
    if isinstance(code, str):
        code = {"": _text(code)}
    if not isinstance(code, Mapping):
        return read_files(code)
    return {path or _script(run): text for path, text in code.items()}


def read_files(paths: Iterable[str | os.PathLike[str]]) -> dict[str, str]:
    """The texts of Python files of this machine, by their path from the current folder, or the whole one where they lie
    elsewhere. Raises UsageError."""
    texts = {_sent(Path(path)): _read(Path(path)) for path in paths}
    if not texts:
        raise UsageError("no file is named; give the files that have changed")
    return texts


def _text(code: str) -> str:
    if code.endswith(".py") and "\n" not in code:
        raise UsageError(f"{code!r} is the name of a file, not its text; give [{code!r}] to have it read")
    return code


def _script(run: Run) -> str:
    if not run.entry.script:
        raise UsageError(
            f"{run.id} executes the module {run.entry.module}; say which file the text is of: {{path: text}}"
        )
    return run.entry.script


def _sent(path: Path) -> str:
    normal = Path(os.path.normpath(path.absolute()))
    here = Path.cwd()
    return (normal.relative_to(here) if normal.is_relative_to(here) else normal).as_posix()


def _read(path: Path) -> str:
    """As Python reads it: by its coding cookie. The worker gets text, in which the cookie means nothing any more."""
    try:
        return decode_source(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    except (SyntaxError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no Python source: {error}") from None
