"""The user's program: found, read, and executed as `__main__`, as Python itself would do.

There is one `__main__` for all executions, so that functions made by an earlier one see the names of the newest.
"""

import builtins
import importlib.util
import os
import sys
from collections.abc import Mapping
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, MappingProxyType, ModuleType
from typing import Any

from livespark.errors import UsageError
from livespark.protocol.runs import Entry

__all__ = ("Program", "locate")


class Program:
    """A script (`spec` is None) or a module, in the file `path`."""

    def __init__(self, path: str, argv: list[str], spec: ModuleSpec | None = None) -> None:
        self.path = path
        self.argv = argv
        self.spec = spec
        self._main = ModuleType("__main__")

    @property
    def names(self) -> dict[str, Any]:
        """The names of `__main__`."""
        return vars(self._main)

    def read(self) -> bytes:
        """The file as it is now. Any thread. Raises UsageError when it can't be read."""
        try:
            return Path(self.path).read_bytes()
        except OSError as error:
            raise UsageError(f"can't read {self.path}: {error.strerror or error}") from None

    def enter(self) -> None:
        """Make `sys.argv` what the program expects."""
        sys.argv[:] = self.argv

    def execute(self, code: CodeType, kept: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Run `code` as `__main__`, whose names are fresh but for those `kept`. Raises what it raises."""
        self.names.clear()
        self.names.update({**kept, **self._fresh()})
        sys.modules["__main__"] = self._main
        exec(code, self.names)  # noqa: S102 - running the user's program is what a runner is for

    def _fresh(self) -> dict[str, Any]:
        return {
            "__name__": "__main__",
            "__doc__": None,
            "__builtins__": builtins,
            "__file__": self.path,
            "__cached__": None,
            "__spec__": self.spec,
            "__package__": self.spec.parent if self.spec else None,
            "__loader__": self.spec.loader if self.spec else SourceFileLoader("__main__", self.path),
        }


def locate(entry: Entry) -> Program:
    """The program that `entry` names; its imports are searched where Python would search them.

    Imports the packages around a module. Raises UsageError when there is none.
    """
    if entry.module:
        _search_first(Path.cwd())
        return _module(entry)
    path = os.path.abspath(entry.script)  # noqa: PTH100 - keeps symbolic links, as Python does for __file__
    if not os.path.isfile(path):  # noqa: PTH113
        raise UsageError(f"there is no script {entry.script} in {Path.cwd()}")
    _search_first(Path(path).resolve().parent)
    return Program(path, [entry.script, *entry.args])


def _search_first(folder: Path) -> None:
    """The worker itself was started with `-P`, so that no file of the user's takes the place of one that it needs."""
    if not os.environ.get("PYTHONSAFEPATH"):
        sys.path.insert(0, str(folder))


def _module(entry: Entry) -> Program:
    spec = _find(entry.module)
    if spec.submodule_search_locations is not None:
        spec = _find(f"{entry.module}.__main__")
    if not isinstance(spec.loader, SourceFileLoader) or not spec.origin:
        raise UsageError(f"the module {entry.module} has no Python source to run")
    return Program(spec.origin, [spec.origin, *entry.args], spec)


def _find(name: str) -> ModuleSpec:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        spec = None
    if spec is None:
        raise UsageError(f"there is no module {name} to run (searched from {Path.cwd()})")
    return spec
