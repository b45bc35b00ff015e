"""The terminal: the script's output unchanged, and on a TTY one live line below it.

The line stands only where the cursor is at the beginning of a line. While the script is in the middle of one (a
progress bar of its own, a prompt), the live line waits; it is taken away before output and put back behind it in the
same write. The cursor goes back to the line's beginning: what the terminal echoes there (`^C`) and what a narrower
window wraps is taken away with it.
"""

import os
import sys
from collections.abc import Callable
from typing import BinaryIO, Final

from livespark.cli.narrator import Effect, Write
from livespark.cli.plain import plain
from livespark.cli.status_line import Picture, render
from livespark.protocol.lifecycle import RunState

__all__ = ("Screen",)

_CLEAR: Final = b"\r\x1b[2K"
_CLEAR_WRAPPED: Final = b"\r\x1b[J"
_COLUMNS: Final = 80
_COLOURS: Final = {
    RunState.RUNNING: 32,
    RunState.PAUSING: 33,
    RunState.PAUSED: 33,
    RunState.STOPPING: 33,
    RunState.IDLE: 36,
    RunState.HELD: 31,
    RunState.LOST: 31,
}


class Screen:
    """Where a followed run is shown."""

    def __init__(
        self,
        out: BinaryIO | None = None,
        err: BinaryIO | None = None,
        *,
        width: Callable[[], int] | None = None,
        dumb: bool | None = None,
    ) -> None:
        self._out = out or sys.stdout.buffer
        self._err = err or sys.stderr.buffer
        self._width = width or self._columns
        dumb = os.environ.get("TERM") in (None, "", "dumb") if dumb is None else dumb
        self._live = self._err.isatty() and not dumb
        self._shared = self._live and self._out.isatty()
        self._ascii = "utf" not in (sys.stderr.encoding or "").lower()
        self._colours = not os.environ.get("NO_COLOR")
        self._line = b""
        self._drawn_width = 0
        self._drawn = False
        self._middle = False

    @property
    def draws(self) -> bool:
        """Whether there is a status line, which wants to know what the run shows."""
        return self._live

    def perform(self, effect: Effect) -> None:
        """Pass on what the script wrote, or say something."""
        if isinstance(effect, Write):
            self._write(effect)
        elif effect.always or not self._live or self._middle:
            self.say(effect.text)

    def say(self, text: str) -> None:
        """A line of ours, on stderr."""
        start = b"" if not self._middle else b"\n\x1b[K" if self._live else b"\n"
        self._middle = False
        self._put(self._err, start + f"livespark: {plain(text)}\n".encode(errors="backslashreplace"))

    def header(self, text: str) -> None:
        """The first line."""
        self._put(self._err, f"  {plain(text)}\n".encode(errors="backslashreplace"))

    def draw(self, picture: Picture) -> None:
        """Show the live line as it is now."""
        if not self._live:
            return
        text = render(picture, self._width() - 1, ascii_only=self._ascii)
        line = (_coloured(text, picture.state) if self._colours else text).encode(errors="replace")
        if line != self._line or not self._drawn:
            self._line = line
            self._put(self._err, b"")

    def close(self) -> None:
        """Take the live line away."""
        self._line = b""
        if self._drawn:
            self._put(self._err, b"")

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._err.fileno()).columns or _COLUMNS
        except OSError:
            return _COLUMNS

    def _write(self, effect: Write) -> None:
        stream = self._out if effect.stream == "stdout" else self._err
        if stream is self._err or self._shared:
            self._middle = not effect.data.endswith(b"\n") if effect.data else self._middle
            self._put(stream, effect.data)
        else:
            stream.write(effect.data)
            stream.flush()

    def _put(self, stream: BinaryIO, data: bytes) -> None:
        """Write to the terminal: without the live line before, with it behind.

        Where the window has become narrower, the line has become several.
        """
        width = self._width() if self._live else 0
        before = b"" if not self._drawn else _CLEAR_WRAPPED if width < self._drawn_width else _CLEAR
        self._drawn_width = width
        self._drawn = self._live and bool(self._line) and not self._middle
        stream.write(before + data + (b"\r" + self._line + b"\r" if self._drawn else b""))
        stream.flush()


def _coloured(line: str, state: RunState) -> str:
    """The state at the line's end in its colour."""
    if state not in _COLOURS or not line.endswith(state.value):
        return line
    return f"{line.removesuffix(state.value)}\x1b[{_COLOURS[state]}m{state.value}\x1b[0m"
