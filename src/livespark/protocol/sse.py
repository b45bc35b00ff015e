"""Server-sent events, both directions, without I/O: WHATWG HTML section 9.2.

Reading: lines end in CR LF, LF, or CR, also when CR and LF arrive in different chunks; U+2028 and friends are not
line ends. One leading byte order mark is dropped, invalid UTF-8 becomes U+FFFD. An id holds from the blank line on,
even without data, and for later events; ids with NUL are ignored; `retry` takes ASCII digits only. What has no blank
line behind it is not an event.
"""

import re
from typing import NamedTuple

__all__ = ("Malformed", "Message", "Parser", "comment", "frame", "retry")

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class Malformed(ValueError):
    """A message grew past the bound."""


class Message(NamedTuple):
    """One dispatched event. `id` is the last id seen, which persists from message to message."""

    event: str
    data: str
    id: str


class Parser:
    """Bytes in, messages out. `last_id` and `retry` (milliseconds, or None) are what the stream said so far."""

    def __init__(self, *, limit: int = 16 * 1024**2) -> None:
        self.last_id = ""
        self.retry: int | None = None
        self._limit = limit
        self._start: bytes | None = b""
        self._pieces: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._data: list[str] = []
        self._data_size = 0
        self._event = ""
        self._id = ""

    def feed(self, chunk: bytes) -> list[Message]:
        """The messages that `chunk` completes. Raises Malformed when one exceeds the limit in bytes."""
        chunk = self._without_bom(chunk)
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if not chunk:
            return []
        self._after_cr = chunk.endswith(b"\r")
        first, *others = _LINE_END.split(chunk)
        self._pieces.append(first)
        self._size += len(first)
        self._check(self._size)
        return self._lines(others) if others else []

    def _lines(self, others: list[bytes]) -> list[Message]:
        lines = [b"".join(self._pieces), *others]
        rest = lines.pop()
        self._pieces, self._size = [rest], len(rest)
        messages = []
        for line in lines:
            if line:
                self._field(line)
            elif message := self._dispatch():
                messages.append(message)
        return messages

    def _without_bom(self, chunk: bytes) -> bytes:
        if self._start is None:
            return chunk
        self._start += chunk
        if len(self._start) < len(_BOM) and _BOM.startswith(self._start):
            return b""
        chunk, self._start = self._start.removeprefix(_BOM), None
        return chunk

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        text = value.removeprefix(b" ").decode("utf-8", "replace")
        if name == b"data":
            self._data_size += len(text) + 1
            self._check(self._data_size)
            self._data.append(text)
        elif name == b"event":
            self._event = text
        elif name == b"id" and "\0" not in text:
            self._id = text
        elif name == b"retry" and text.isascii() and text.isdigit():
            self.retry = int(text)

    def _dispatch(self) -> Message | None:
        self.last_id = self._id
        event, lines = self._event or "message", self._data
        self._event, self._data, self._data_size = "", [], 0
        return Message(event, "\n".join(lines), self.last_id) if lines else None

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise Malformed(f"a message is larger than {self._limit} bytes")


def frame(data: bytes, *, id: str = "", event: str = "") -> bytes:
    """One message. `data` is JSON without raw newlines; `id` and `event` are ours, never a user's text."""
    head = (f"id: {id}\n" if id else "") + (f"event: {event}\n" if event else "")
    return b"%bdata: %b\n\n" % (head.encode(), data)


def comment(text: str = "") -> bytes:
    """A heartbeat: ignored by every parser."""
    return f": {text}\n\n".encode()


def retry(milliseconds: int) -> bytes:
    """Tells the client how long to wait before it connects again."""
    return f"retry: {milliseconds}\n\n".encode()
