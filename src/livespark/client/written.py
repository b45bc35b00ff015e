"""Reading one's own writes: samples come once in a while, so a value just set may not be in the newest one yet.

What a set's answer said holds until a sample newer than the first one fetched after that answer is there: the worker
sends answers and samples by the same way, in order, so any later sample was taken after the set.
"""

from typing import Any

from livespark.client.values import encode, is_container
from livespark.protocol.live import LiveDoc

__all__ = ("Written",)


class Written:
    """The values set through one handle that no sample has confirmed yet."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._version: int | None = None

    def note(self, answer: Any) -> None:
        """The values that a set's answer says are there now, by path."""
        if isinstance(answer, dict):
            self._values.update({path: encode(value) for path, value in answer.items()})
            self._version = None

    def amend(self, doc: LiveDoc) -> LiveDoc:
        """`doc`, just fetched, with what it does not know yet."""
        if self._version is None:
            self._version = doc.version
        elif doc.version > self._version:
            self._values.clear()
        for path, node in self._values.items():
            if path in doc.values and not is_container(doc.values[path]):
                doc.values[path] = node
        return doc
