"""The exposed functions: their descriptions, made once each, and which of them are being executed."""

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from livespark.errors import CommandRefused
from livespark.protocol.live import Function
from livespark.runtime.exposed.functions import Target, describe_function, fingerprint
from livespark.runtime.exposed.registry import Registry

__all__ = ("Catalogue",)


class _Entry(NamedTuple):
    function: Any
    fingerprint: tuple[Any, ...]
    description: Function


class Catalogue:
    """Replaced as a whole by the training thread, read by any."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._entries: dict[str, _Entry] = {}
        self._running: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._described: dict[str, Function] = {}

    @property
    def described(self) -> dict[str, Function]:
        """The descriptions by path; the same object while nothing changes."""
        return self._described

    def update(self, functions: Mapping[str, Any]) -> None:
        """These are exposed now. For the training thread."""
        entries = {path: self._entry(path, function) for path, function in functions.items()}
        if entries.keys() != self._entries.keys() or any(entries[path] is not self._entries[path] for path in entries):
            self._described = {path: entry.description for path, entry in entries.items()}
        self._entries = entries

    def _entry(self, path: str, function: Any) -> _Entry:
        known = self._entries.get(path)
        try:
            found = fingerprint(function)
            if known is not None and all(old is new for old, new in zip(known.fingerprint, found, strict=True)):
                return known
            return _Entry(function, found, describe_function(function, self._registry))
        except Exception:  # an object whose attributes raise; it can be called all the same
            return _Entry(function, (), Function())

    def resolve(self, path: str) -> Target:
        """The function at `path`. Raises CommandRefused. Any thread."""
        entries = self._entries
        if path in entries:
            return Target(path, entries[path].function)
        there = f"there are: {_listed(list(entries))}" if entries else "this run exposes none"
        raise CommandRefused(f"there is no function {path!r}; {there}")

    def set_running(self, path: str, running: bool) -> None:
        """Whether the function at `path` is being executed. Any thread."""
        with self._lock:
            self._running = self._running | {path} if running else self._running - {path}

    def with_running(self, described: dict[str, Function]) -> dict[str, Function]:
        """The descriptions with the marks of those being executed. Any thread."""
        running = self._running.intersection(described)
        if not running:
            return described
        marked = {path: msgspec.structs.replace(described[path], running=True) for path in running}
        return {**described, **marked}


def _listed(names: list[str]) -> str:
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
