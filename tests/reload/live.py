"""A live worker as a test drives it: what its steps see, what is told of reloads, one step after another."""

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

__all__ = ("Live", "Nursery", "Reloaded")

_WORKER: Final = Path(__file__).with_name("worker.py")
_DEADLINE: Final = 30.0

Reloaded = dict[str, Any]
"""The event `reloaded`, as on the wire."""


class Live:
    """One worker. Not for several threads."""

    def __init__(self, connection: socket.socket, folder: Path, guard: int = 0) -> None:
        self.told: list[dict[str, Any]] = []
        self._connection = connection
        self._left = b""
        self._asked = 0
        self._order(f"{folder}\t{guard}")

    def seen(self) -> Any:
        """What the next step sees, waited for; the worker then stands behind it."""
        while True:
            line = self._read()
            self.told.append(line)
            assert "ended" not in line, self.told
            assert not _is_held(line), self.told
            if "seen" in line:
                return line["seen"]

    def hear(self, wanted: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The next line that is `wanted`."""
        while True:
            line = self._read()
            self.told.append(line)
            if wanted(line):
                return line

    def go_on(self) -> None:
        """Let the worker go on from where it stands."""
        self._order("step")

    def calm(self) -> None:
        """From here on `reloaded` waits for something new."""
        self._order("calm")
        self.hear(lambda line: "calm" in line)

    def ask(self, kind: str, **fields: Any) -> int:
        """Ask something of the run, as a client would. -> the command's number."""
        self._asked += 1
        command = {"number": self._asked, "id": f"c{self._asked}", "actor": "test", "command": {"kind": kind, **fields}}
        self._order(f"ask {json.dumps(command)}")
        return self._asked

    def answer(self, number: int) -> dict[str, Any]:
        """What has been answered to a command so far; empty if nothing."""
        events = [line["event"] for line in self.told if "event" in line]
        answers = [each["answer"] for each in events if each["type"] == "answered" and each["number"] == number]
        assert len(answers) <= 1
        return answers[0] if answers else {}

    def step(self) -> Any:
        """One more step. -> what it saw."""
        self._order("step")
        return self.seen()

    def until_held(self) -> list[Any]:
        """The first step and more, until the script raises and the run is held. -> what they saw."""
        seen: list[Any] = []
        while True:
            line = self._read()
            self.told.append(line)
            assert "ended" not in line, self.told
            if _is_held(line):
                return seen
            if "seen" in line:
                seen.append(line["seen"])
                self._order("step")

    def reloaded(self, after: int = 0) -> tuple[Reloaded, Any]:
        """Let the worker go on until it has told of one more reload than `after`. -> the newest, and what is seen."""
        order = "await"
        end = time.monotonic() + _DEADLINE
        while len(self.reloads) <= after:
            assert time.monotonic() < end, self.told
            self._order(order)
            self.seen()
            order = "step"
        return self.reloads[-1], self.step()

    @property
    def reloads(self) -> list[Reloaded]:
        """What has been told so far."""
        events = [line["event"] for line in self.told if "event" in line]
        return [event for event in events if event["type"] == "reloaded"]

    def close(self) -> None:
        self._connection.close()

    def _order(self, word: str) -> None:
        self._connection.sendall(f"{word}\n".encode())

    def _read(self) -> dict[str, Any]:
        end = time.monotonic() + _DEADLINE
        while b"\n" not in self._left:
            ready = select.select([self._connection], [], [], max(0.0, end - time.monotonic()))[0]
            assert ready, ("the worker says nothing", self.told)
            more = self._connection.recv(65536)
            assert more, ("the worker has ended", self.told)
            self._left += more
        line, _, self._left = self._left.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        return said


class Nursery:
    """A process that has imported what workers need, and forks one for each `Live`."""

    def __init__(self, folder: Path, *modules: str) -> None:
        self._path = str(folder / "nursery")
        self._process = subprocess.Popen(
            [sys.executable, "-P", _WORKER, "--serve", self._path, *modules],
            stdin=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if not name.startswith("LIVESPARK_")},
        )

    @contextmanager
    def worker(self, folder: Path, guard: int = 0) -> Iterator[Live]:
        """A worker that runs `script.py` in `folder`, with `guard` for so many checkpoints; it ends with the block."""
        live = Live(self._connect(), folder, guard)
        try:
            yield live
        finally:
            live.close()

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(_DEADLINE)

    def _connect(self) -> socket.socket:
        end = time.monotonic() + _DEADLINE
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(self._path)
            except (FileNotFoundError, ConnectionRefusedError):
                connection.close()
                assert self._process.poll() is None, "the nursery has ended"
                assert time.monotonic() < end, "the nursery does not open"
                time.sleep(0.01)
            else:
                return connection


def _is_held(line: dict[str, Any]) -> bool:
    return bool(line.get("event", {}).get("state") == "held")
