"""What runs, and what is newest.

A file is known from the moment its module is loaded. What was loaded last, or put in place by a reload since, runs;
as long as a module of its name is loaded: when one raises while it is imported nothing of the file runs, though its
file goes on being looked at. The newest content is what a client has given, until the file on disk gets another
content after that; else what is on disk.
"""

import linecache
import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from livespark.errors import UsageError
from livespark.runtime.reload.compiling import Source, compile_source, compile_text, decode, lines_of
from livespark.runtime.reload.followed import Content, File, Given
from livespark.runtime.reload.forks import call_in_forked_child
from livespark.runtime.reload.project import Project
from livespark.runtime.reload.reading import read_settled

__all__ = ("MAIN", "Source", "Sources", "compile_source")

MAIN: Final = "__main__"

_MOST_GIVEN: Final = 1_000


class Sources:
    """The versions of the project's files. Any thread; none waits for another one's reading or compiling.

    `arrived` is called for each version that begins to run, on the thread that loads or installs it. A forked child
    keeps no record and tells nobody.
    """

    def __init__(self, project: Project, arrived: Callable[[Source], None]) -> None:
        self.project = project
        self._arrived = arrived
        self._files: dict[str, File] = {}
        self._given: dict[str, Given] = {}
        self._extras: dict[str, Content] = {}
        self._listeners: tuple[Callable[[str], None], ...] = ()
        self._lock = threading.Lock()
        self._inert = False
        call_in_forked_child(self._abandon)

    # what runs

    def load(self, path: str, data: bytes, module: str = MAIN) -> Source:
        """The content of a file that is about to be executed as `module`. Raises SyntaxError."""
        return self._load(path, lambda: decode(path, data), module)

    def load_given(self, path: str, text: str, module: str) -> Source:
        """The same with a text that a client has given."""
        return self._load(path, lambda: text, module)

    def running(self, path: str) -> Source | None:
        """The version that runs; None where nothing of the file does."""
        file = self._files.get(path)
        return file.loaded if file and file.runs() else None

    def paths(self) -> list[str]:
        """The files that were loaded, also those of which the loading failed; in order of loading."""
        with self._lock:
            return list(self._files)

    def module_of(self, path: str) -> str | None:
        """The name under which the file was loaded first; the script is `__main__`."""
        return next(iter(self.modules_of(path)), None)

    def modules_of(self, path: str) -> tuple[str, ...]:
        """All names under which the file was loaded: a script may be imported as a module, too."""
        file = self._files.get(path)
        return file.modules if file else ()

    def namespaces(self) -> list[dict[str, Any]]:
        """The names of the loaded modules, each."""
        names = [name for path in self.paths() for name in self.modules_of(path)]
        return [vars(sys.modules[name]) for name in names if name in sys.modules]

    def install(self, source: Source) -> None:
        """`source` runs from here on. Also for taking a reload back, with the version before."""
        if self._file(source.path, source.text).take(source):
            self._tell(source)

    # what is newest

    def give(self, files: Mapping[str, str]) -> None:
        """Texts of files that a client has sent, by names as `Project.resolve` takes them. Raises UsageError."""
        if len(files) > _MOST_GIVEN:
            raise UsageError(f"a reload takes {_MOST_GIVEN:,} files at most: send only those that have changed")
        known = self.paths()
        given = [Given(self.project.resolve(name, known), text) for name, text in files.items()]
        with self._lock:
            self._given |= {os.path.realpath(each.path): each for each in given}

    def given(self, path: str) -> str | None:
        """The text that a client has given for the file, None where there is none, or a newer one on disk."""
        if not self._given:
            return None
        given = self._given.get(key := os.path.realpath(path))
        if given is None or not given.disk.has_changed():
            return given.text if given else None
        with self._lock:
            self._given.pop(key, None)
        return None

    def newest_text(self, path: str) -> str | None:
        """What has been given for the file, or stands on the disk, compiled or not; None where it is no text."""
        text = self.given(path)
        found = read_settled(path) if text is None else None
        try:
            return decode(path, found[0]) if found else text
        except SyntaxError:
            return None

    def changed(self) -> list[Source]:
        """The newest content of each file where it is not what was loaded last, compiled.

        Files of which the loading failed are among them when they have been mended: `running` tells. A file that is not
        there has not changed. Waits up to 50 ms for a file that is being written. Raises SyntaxError for the first that
        can't be compiled.
        """
        with self._lock:
            files = list(self._files.values())
        return [newest for file in files if (newest := self._newest(file))]

    def has_newer(self, path: str) -> bool:
        """Whether the file has another content than when it was loaded, or watched."""
        file, extra = self._files.get(path), self._extras.get(path)
        try:
            return bool(file and self._newest(file)) or bool(extra and extra.has_changed())
        except SyntaxError:
            return True

    def watch(self, path: str) -> None:
        """Follow another file than a Python one, too."""
        content = Content(os.path.abspath(path))  # noqa: PTH100 - keeps symbolic links
        with self._lock:
            if self._extras.setdefault(content.path, content) is not content:
                return
        self._tell_listeners(content.path)

    def changed_extras(self) -> list[str]:
        """The watched files with another content than when they were watched, or told here, last."""
        with self._lock:
            extras = list(self._extras.values())
        changed = [content for content in extras if content.has_changed()]
        for content in changed:
            content.renew()
        return [content.path for content in changed]

    # who looks

    def follow(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """`listener` is called with the path of each file that is known, and becomes known. -> its removal."""
        with self._lock:
            self._listeners = (*self._listeners, listener)
            known = [*self._files, *self._extras]
        for path in known:
            listener(path)
        return lambda: self._unfollow(listener)

    def _load(self, path: str, read: Callable[[], str], module: str) -> Source:
        text = None
        try:
            text = read()
            source = self._known(path, text) or compile_text(path, text)
        except SyntaxError:
            self._file(path, text).add_module(module)
            raise
        if not self._inert:
            self._file(path, text).add_module(module)
            self.install(source)
        return source

    def _known(self, path: str, text: str) -> Source | None:
        """What runs already, where a file is loaded under a second name: both share their functions' code."""
        running = self.running(path)
        return running if running and running.text == text else None

    def _file(self, path: str, text: str | None) -> File:
        """The file, known from here on. `text` is what is loaded now, or tried."""
        with self._lock:
            file = self._files.get(path)
            if file:
                file.text = text
                return file
            file = self._files[path] = File(path, text)
        self._tell_listeners(path)
        return file

    def _newest(self, file: File) -> Source | None:
        text = self.given(file.path)
        return file.on_disk() if text is None else file.unless_loaded(text)

    def _tell(self, source: Source) -> None:
        """Tracebacks show what runs, not what is on disk: an entry without a time is not checked."""
        linecache.cache[source.path] = (len(source.text), None, lines_of(source.text), source.path)
        self._arrived(source)

    def _tell_listeners(self, path: str) -> None:
        for listener in self._listeners:
            listener(path)

    def _unfollow(self, listener: Callable[[str], None]) -> None:
        with self._lock:
            self._listeners = tuple(each for each in self._listeners if each is not listener)

    def _abandon(self) -> None:
        self._lock = threading.Lock()
        self._listeners = ()
        self._inert = True
