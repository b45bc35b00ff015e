"""Objects that outlive the script's code: kept by key until they are cleared or the process ends."""

from collections.abc import Callable
from typing import Any, TypeVar

from livespark.errors import UsageError

__all__ = ("Persisted",)

_T = TypeVar("_T")


class Persisted:
    """The persisted values."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._beginning: set[str] = set()

    def persist(self, key: str, initializer: Callable[[], _T]) -> _T:
        """The object kept under `key`; the first use of a key makes it with `initializer()`.

        An initializer that raises keeps nothing. Raises UsageError for a key that is no text, for an initializer
        that can't be called, and for one that asks for its own key.
        """
        if not isinstance(key, str) or not key:
            raise UsageError(f"persist: the key must be a text that is not empty; got {key!r:.60}")
        if key not in self._values:
            self._values[key] = self._made(key, initializer)
        value: _T = self._values[key]
        return value

    def has_persisted(self, key: str) -> bool:
        """Whether an object is kept under `key`."""
        return key in self._values

    def clear_persisted(self, key: str) -> bool:
        """Forget the object under `key`: the next `persist` makes a new one. -> whether there was one."""
        return self._values.pop(key, self) is not self

    def clear(self) -> None:
        self._values.clear()

    def _made(self, key: str, initializer: Callable[[], _T]) -> _T:
        if not callable(initializer):
            raise UsageError(f"persist({key!r}, ...): give a function that makes the object, for example lambda: Net()")
        if key in self._beginning:
            raise UsageError(f"persist({key!r}, ...): its initializer asks for {key!r} itself")
        self._beginning.add(key)
        try:
            return initializer()
        finally:
            self._beginning.discard(key)
