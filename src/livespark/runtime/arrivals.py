"""Doing something with a module as soon as the script has imported it, without importing it from here."""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ("when_imported",)


def when_imported(name: str, arrived: Callable[[ModuleType], None]) -> None:
    """Call `arrived` with the module `name` now if it has been imported, else once it has been executed."""
    if name in sys.modules:
        arrived(sys.modules[name])
    else:
        sys.meta_path.insert(0, _Waiting(name, arrived))


class _Waiting:
    """A finder that finds nothing itself; it lets the others find the module and adds a call after its execution."""

    def __init__(self, name: str, arrived: Callable[[ModuleType], None]) -> None:
        self._name = name
        self._arrived = arrived

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec and spec.loader:
            self._extend(spec.loader)
        return spec

    def _extend(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            self._arrived(module)

        loader.exec_module = exec_module
