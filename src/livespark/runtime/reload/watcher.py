"""Noticing that a followed file has been saved.

One thread waits in the kernel, and wakes for changes in the folders of followed files only. What the kernel can't tell
(network file systems, other systems than Linux, a reached limit) is looked at five times a second. A burst of changes
is told once, when it has ended.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Literal

from livespark.errors import SettingsError
from livespark.runtime.reload.folders import Folders, is_remote
from livespark.runtime.reload.followed import Content
from livespark.runtime.reload.forks import call_in_forked_child
from livespark.runtime.reload.inotify import Inotify, open_inotify
from livespark.runtime.reload.sources import Sources
from livespark.runtime.reload.waiting import Waiter

__all__ = ("VARIABLE", "Watcher")

VARIABLE: Final = "LIVESPARK_WATCH"
"""`native`: trust the kernel, also on network file systems; `poll`: look by itself; `off`: notice nothing."""

_QUIET: Final = 0.003
_LONGEST_BURST: Final = 0.05
_POLL: Final = 0.2
_STORM: Final = 0.1
_STORM_PAUSE: Final = 0.01

_Mode = Literal["", "native", "poll", "off"]


class Watcher:
    """Watches what `sources` follow, also what they come to follow later.

    `changed` is called on the watcher's thread, once a burst, perhaps for no change in substance; it must not raise.
    `poll`: look at the files by itself (True), or only where the kernel can't tell (False); by default (None) on
    network file systems, too, or as `LIVESPARK_WATCH` says. Raises SettingsError for another word there.
    """

    def __init__(self, sources: Sources, changed: Callable[[], None], *, poll: bool | None = None) -> None:
        self._sources = sources
        self._changed = changed
        self._mode = _mode(poll)
        self._new: deque[str] = deque()
        self._polled: dict[str, Content] = {}
        self._due = 0.0
        self._disturbed = 0.0
        self._closing = False
        self._waiter: Waiter | None = None
        self._inotify: Inotify | None = None
        self._folders: Folders | None = None
        self._thread: threading.Thread | None = None
        self._unfollow: Callable[[], None] = lambda: None

    @property
    def polls(self) -> bool:
        """Whether there are files that are looked at five times a second."""
        return bool(self._polled)

    def start(self) -> None:
        """Begin to watch. Once."""
        if self._mode == "off":
            return
        self._waiter = waiter = Waiter()
        if self._mode != "poll" and (inotify := open_inotify()):
            waiter.add(inotify.fd)
            self._inotify, self._folders = inotify, Folders(inotify)
        call_in_forked_child(self._abandon)
        self._thread = threading.Thread(target=self._run, args=(waiter,), name="livespark-watcher", daemon=True)
        self._thread.start()
        self._unfollow = self._sources.follow(self._note)

    def close(self) -> None:
        """Watch no longer; `changed` is not called after this, unless it is the caller. Any thread."""
        self._unfollow()
        self._closing = True
        if self._waiter and self._thread:
            self._waiter.wake()
            if self._thread is not threading.current_thread():
                self._thread.join()

    def _note(self, path: str) -> None:
        """On the thread that loads the file, for which it must be cheap."""
        self._new.append(path)
        if self._waiter:
            self._waiter.wake()

    # the thread

    def _run(self, waiter: Waiter) -> None:
        try:
            while not self._closing:
                happened = waiter.wait(max(0.0, self._due - time.monotonic()) if self._polled else None)
                if self._look():
                    self._await_quiet(waiter)
                    if not self._closing:
                        self._changed()
                elif happened:
                    self._calm()
        finally:
            self._let_go()

    def _await_quiet(self, waiter: Waiter) -> None:
        deadline = time.monotonic() + _LONGEST_BURST
        while not self._closing and time.monotonic() < deadline and waiter.wait(_QUIET):
            self._look()

    def _calm(self) -> None:
        """Something was written beside our files. Where that goes on, we look less often."""
        before, self._disturbed = self._disturbed, time.monotonic()
        if self._disturbed - before < _STORM and not self._closing:
            time.sleep(_STORM_PAUSE)

    def _look(self) -> bool:
        """Whether a followed file may have another content."""
        saved = self._read()
        for path in saved:
            self._follow(path)
        return any([bool(saved), self._adopt(), self._poll()])

    def _read(self) -> set[str]:
        return self._folders.take(self._inotify.read()) if self._folders and self._inotify else set()

    def _adopt(self) -> bool:
        """Follow what is new. -> whether some of it was saved between being loaded and being followed."""
        newer = False
        while self._new:
            path = self._new.popleft()
            self._follow(path)
            newer = self._sources.has_newer(path) or newer
        return newer

    def _follow(self, path: str) -> None:
        if path not in self._polled and not (self._is_told(path) and (self._mode == "native" or not is_remote(path))):
            self._polled[path] = Content(path)

    def _is_told(self, path: str) -> bool:
        """Whether the kernel tells of changes to it."""
        if self._folders is None:
            return False
        try:
            self._folders.follow(path)
        except OSError:
            return False
        return True

    def _poll(self) -> bool:
        if not self._polled or time.monotonic() < self._due:
            return False
        self._due = time.monotonic() + _POLL
        changed = [content for content in self._polled.values() if content.has_changed()]
        for content in changed:
            content.renew()
        return bool(changed)

    def _let_go(self) -> None:
        if self._waiter:
            self._waiter.close()
        if self._inotify:
            self._inotify.close()

    def _abandon(self) -> None:
        """In a forked child, which has no thread of ours."""
        if self._thread and not self._closing:
            self._closing, self._thread = True, None
            if self._waiter:
                self._waiter.abandon()
            if self._inotify:
                self._inotify.close()


def _mode(poll: bool | None) -> _Mode:
    if poll is not None:
        return "poll" if poll else "native"
    match os.environ.get(VARIABLE, ""):
        case "" | "native" | "poll" | "off" as mode:
            return mode
        case other:
            raise SettingsError(f"the environment variable {VARIABLE} is {other!r}; expected native, poll or off")
