"""Which files are the user's own: those that a reload follows.

A path has up to two forms, as it is named and with its symbolic links resolved; the project's folder, too. A file
belongs to the project if either form lies below the folder and neither is an installed one.
"""

import os
import sysconfig
from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Final

from livespark.errors import UsageError

__all__ = ("Project", "find_project")

_MARKS: Final = (".git", ".hg", "pyproject.toml", "setup.py", "setup.cfg")
_INSTALLED: Final = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
_LIBRARIES: Final = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), str(Path(__file__).parents[2]))
_FOREIGN: Final = tuple({f"{form}{os.sep}" for folder in _LIBRARIES for form in (folder, os.path.realpath(folder))})


class Project:
    """The folder `root`, absolute, and the Python files in it that are the user's. Any thread."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._roots = tuple(dict.fromkeys(_with_end(form) for form in (str(root), os.path.realpath(root))))

    def includes(self, path: str) -> bool:
        """Whether the file at the absolute `path` is Python source of the user's own.

        Never one that is installed, of the standard library, of Livespark, in a hidden folder, or in a virtual
        environment. The file need not exist.
        """
        if not path.endswith(".py") or not path.startswith(os.sep) or _is_installed(path):
            return False
        real = os.path.realpath(path)
        return not _is_installed(real) and any(self._holds(form) for form in (path, real))

    def display(self, path: str) -> str:
        """`path` for people: relative to the project's folder with `/`, where it is below; else as it is."""
        for form in (path, os.path.realpath(path)):
            for relative in self._below(form):
                return relative.replace(os.sep, "/")
        return path

    def resolve(self, name: str, known: Iterable[str] = ()) -> str:
        """The absolute path of the file that a client names: as `display` shows it, absolute, or by its last parts.

        A file among the `known` paths is returned as it stands there. Raises UsageError where `name` is no Python
        file of this project.
        """
        if not name.endswith(".py") or "\0" in name:
            raise UsageError(f"{name!r:.200} is not a Python file: only files that end in .py can be reloaded")
        path = os.path.normpath(self.root / name)
        path = _same(path, name, tuple(known)) or path
        if not self.includes(path):
            raise UsageError(f"{name} is not a file of this run's project, which is in {self.root}")
        return path

    def _holds(self, path: str) -> bool:
        """Whether it is below, and no folder in between is hidden or a virtual environment."""
        for relative in self._below(path):
            inner = Path(relative).parent.parts
            folders = accumulate(inner, Path.joinpath, initial=Path(path.removesuffix(relative)))
            return not any(name.startswith(".") for name in inner) and not any(map(_is_environment, list(folders)[1:]))
        return False

    def _below(self, path: str) -> Iterator[str]:
        return (path[len(root) :] for root in self._roots if path.startswith(root))


def find_project(script: str, cwd: Path) -> Project:
    """The project that `script` (relative to `cwd`, or absolute) belongs to.

    Its folder is the nearest one upwards with a mark of version control or packaging in it, but not the home directory
    nor one around that; else `cwd`, if the script is below it and it is none of those; else the script's own folder.
    Where the script is a symbolic link, its name comes first, then
    the file it leads to.
    """
    named = Path(os.path.abspath(cwd / script))  # noqa: PTH100 - keeps symbolic links
    real = named.resolve()
    for path in (named, real):
        for folder in path.parents:
            if _is_too_wide(folder):
                break
            if any((folder / mark).exists() for mark in _MARKS):
                return Project(folder)
    return Project(cwd if real.is_relative_to(cwd) and not _is_too_wide(cwd) else real.parent)


def _is_too_wide(folder: Path) -> bool:
    """The home directory, or one around it."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where there is none
    return folder == Path(folder.anchor) or any(form.is_relative_to(folder) for form in (home, home.resolve()))


def _is_installed(path: str) -> bool:
    return path.startswith(_FOREIGN) or any(part in path for part in _INSTALLED)


def _is_environment(folder: Path) -> bool:
    return _exists(folder / "pyvenv.cfg")


def _exists(path: Path) -> bool:
    """False also for a name that no file can have."""
    return os.path.exists(path)  # noqa: PTH110 - the other one raises for what is too long


def _same(path: str, name: str, known: tuple[str, ...]) -> str | None:
    """The one of `known` that is `path`, or leads to the same file, or alone ends in `name`."""
    if path in known:
        return path
    real = os.path.realpath(path)
    linked = [each for each in known if os.path.realpath(each) == real]
    ending = [each for each in known if each.endswith(f"{os.sep}{os.path.normpath(name)}")]
    if linked or _exists(Path(path)):
        return next(iter(linked), None)
    return ending[0] if len(ending) == 1 else None


def _with_end(folder: str) -> str:
    return folder if folder.endswith(os.sep) else f"{folder}{os.sep}"
