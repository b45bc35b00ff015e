"""What is known about one file, and whether there is something newer."""

import hashlib
import sys
from typing import Final

from livespark.runtime.reload.compiling import Source, compile_text, decode
from livespark.runtime.reload.reading import Mark, mark_of, read_settled

__all__ = ("Content", "File", "Given")

_HUGE: Final = 32 * 1024**2


class File:
    """A Python file that the run has loaded, or tried to.

    `text` is what was loaded or tried last (None: it could not be decoded), `loaded` what could be compiled. Attributes
    are exchanged whole, so that one thread may load while another looks.
    """

    def __init__(self, path: str, text: str | None = None) -> None:
        self.path = path
        self.text = text
        self.modules: tuple[str, ...] = ()
        self.loaded: Source | None = None
        self._seen: tuple[Mark, str | None] | None = None
        self._newest: Source | None = None

    def runs(self) -> bool:
        """Python removes a module that raises while it is imported."""
        return self.loaded is not None and any(name in sys.modules for name in self.modules)

    def add_module(self, name: str) -> None:
        if name not in self.modules:
            self.modules = (*self.modules, name)

    def take(self, source: Source) -> bool:
        """From here on `source` is what runs. -> whether it is another version than before."""
        former = self.loaded
        self.text, self.loaded = source.text, source
        return former is None or former.digest != source.digest

    def on_disk(self) -> Source | None:
        """What stands on the disk, where that is another text than what was loaded. Raises SyntaxError."""
        compared, mark = self.text, mark_of(self.path)
        if mark is None:
            return None
        if mark.size > _HUGE:
            raise SyntaxError("the file is too large to be followed", (self.path, 1, 1, ""))
        if self._seen != (mark, compared):
            self._seen = None
            found = read_settled(self.path)
            if found is None:
                return None
            self._newest = self.unless_loaded(decode(self.path, found[0]))
            self._seen = (found[1], compared) if found[1].is_final() else None
        return self._newest

    def unless_loaded(self, text: str) -> Source | None:
        """`text` compiled; None where it is what was loaded. Raises SyntaxError."""
        if text == self.text:
            return None
        if self._newest is None or self._newest.text != text:
            return compile_text(self.path, text)
        return self._newest


class Given:
    """A text that a client has sent for a file: newer than what stood on the disk then, if anything did."""

    def __init__(self, path: str, text: str) -> None:
        self.text = text
        self.path = path
        self.disk = Content(path)


class Content:
    """What a file of any kind contained when it was looked at last."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._mark, self._digest = self._look()

    def has_changed(self) -> bool:
        """Whether it contains something else now. A file that is not there has not changed."""
        mark = mark_of(self.path)
        if mark is None or mark == self._mark:
            return False
        mark, digest = self._look()
        if digest in (None, self._digest):
            self._mark = mark
            return False
        return True

    def renew(self) -> None:
        """What it contains now is what is known."""
        self._mark, self._digest = self._look()

    def _look(self) -> tuple[Mark | None, str | None]:
        """The mark, if it may be believed, and a digest of the content; for a huge file, of the mark."""
        mark = mark_of(self.path)
        if mark and mark.size > _HUGE:
            return mark, repr(mark)
        found = read_settled(self.path)
        if found is None:
            return None, None
        return found[1] if found[1].is_final() else None, hashlib.sha256(found[0]).hexdigest()
