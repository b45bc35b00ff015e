"""A worker without a server: the real runtime on `script.py` of a folder, observed and driven line by line.

`python worker.py FOLDER` talks over stdin and stdout. It writes one JSON object a line: `{"seen": ...}` for what a
step of the script saw (`stepping.report`), `{"event": {...}}` for an event of the run, `{"ended": status}`. Behind each
observation the script waits for a line: `step` lets it go on; `await` lets it go on as soon as something is asked of
it, or has been told about a reload. At the end of stdin the process group ends.

`python worker.py --serve SOCKET MODULE...` imports the modules once, then makes such a worker for each connection to
the Unix socket, by a fork: the first line names the folder, and after a tab, perhaps, the checkpoints of the guard. It
ends with its stdin.

A line `ask JSON` delivers a command; `calm` forgets what has been asked and told up to there, and is answered: both
whenever they come, while the script goes on waiting.
"""

import importlib
import json
import os
import queue
import selectors
import signal
import socket
import sys
import threading
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from livespark.protocol.events import Event

__all__ = ("attach_and_run",)

_ENCODING: Final = "utf-8"


class Driver:
    """The line to whoever drives the worker, and an `Outbox` that tells everything on it at once."""

    def __init__(self, orders: TextIO, lines: TextIO) -> None:
        self._orders = orders
        self._lines = lines
        self._writing = threading.Lock()
        self._waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._rung = threading.Event()
        self.deliver: Callable[[Any], None]

    def start(self) -> None:
        stepping = ModuleType("stepping")
        stepping.report = self.report  # type: ignore[attr-defined]
        sys.modules["stepping"] = stepping
        threading.Thread(target=self._listen, name="driver", daemon=True).start()

    def report(self, seen: Any) -> None:
        """A step of the script saw this. Returns when it may go on."""
        self.tell({"seen": seen})
        if self._waiting.get() == "await":
            self._rung.wait()
            self._rung.clear()

    def ring(self) -> None:
        """Something is asked of the training thread."""
        self._rung.set()

    def emit(self, event: "Event") -> None:
        from livespark.protocol import codec
        from livespark.protocol.events import Reloaded

        self.tell({"event": json.loads(codec.encode(event))})
        if isinstance(event, Reloaded):
            self._rung.set()

    record = emit

    def tell(self, what: dict[str, Any]) -> None:
        with self._writing:
            self._lines.write(json.dumps(what) + "\n")
            self._lines.flush()

    def _listen(self) -> None:
        for line in self._orders:
            order, _, command = line.strip().partition(" ")
            if order == "ask":
                self.deliver(json.loads(command))
            elif order == "calm":
                self._rung.clear()
                self.tell({"calm": True})
            else:
                self._waiting.put(order)
        os.killpg(0, signal.SIGKILL)


def attach_and_run(driver: Driver, guard: int = 0) -> int:
    """Run `script.py` of the current directory as `livespark dev` does, watching its files. -> the exit status."""
    import msgspec

    from livespark.protocol.commands import Delivery
    from livespark.protocol.runs import Entry, Reloading
    from livespark.runtime.attach import follow_files
    from livespark.runtime.exposed.exposed import Exposed
    from livespark.runtime.process import runtime
    from livespark.runtime.runner import Runner

    core = runtime.core
    reloading = Reloading(watch=True, guard=guard)
    desk = runtime.attach(driver, Exposed(), {}, patience=float("inf"), reloading=reloading)
    driver.deliver = lambda command: desk.deliver(msgspec.convert(command, Delivery))
    settle, restart = runtime.sample, runtime.restart
    follow = partial(follow_files, watching=True)
    runner = Runner(core, runtime.reloader, stay=True, settle=settle, restart=restart, opened=follow)
    runtime.hook.install()
    with core.bell(driver.ring):
        return runner.run(Entry(script="script.py"))


def _work(where: str, orders: TextIO, lines: TextIO) -> int:
    folder, _, guard = where.partition("\t")
    os.chdir(folder)
    driver = Driver(orders, lines)
    driver.start()
    status = attach_and_run(driver, int(guard or 0))
    driver.tell({"ended": status})
    return status


def _work_here(folder: str) -> int:
    """On stdin and stdout; what the script prints goes to stderr."""
    if os.getpgid(0) != os.getpid():
        os.setpgid(0, 0)
    lines = os.fdopen(os.dup(1), "w", encoding=_ENCODING)
    os.dup2(2, 1)
    return _work(folder, sys.stdin, lines)


def _serve(path: str, modules: list[str]) -> int:
    for name in modules:
        importlib.import_module(name)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in selector.select()]
            if 0 in ready:
                return 0
            connection, _ = listener.accept()
            if os.fork() == 0:
                break
            connection.close()
            _reap()
    listener.close()
    return _work_on(connection)


def _work_on(connection: socket.socket) -> int:
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    orders = connection.makefile("r", encoding=_ENCODING)
    lines = connection.makefile("w", encoding=_ENCODING)
    try:
        return _work(orders.readline().strip(), orders, lines)
    finally:
        lines.close()
        connection.close()


def _reap() -> None:
    """Children that have ended are let go of."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _main(arguments: list[str]) -> int:
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]
    if arguments[0] == "--serve":
        return _serve(arguments[1], arguments[2:])
    return _work_here(arguments[0])


if __name__ == "__main__":
    os._exit(_main(sys.argv[1:]))
