"""A stage for whole stories: a home, a folder with scripts, the real command line, and the server's API.

Everything is real; nothing here knows how the product works inside beyond its files and its HTTP API.
"""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import psutil

from tests.processes import has_ended

__all__ = ("Stage", "Terminal", "eventually")

_T = TypeVar("_T")


def eventually(condition: Callable[[], _T | None], what: str, timeout: float = 30.0) -> _T:
    """The first truthy result of `condition`; AssertionError naming `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        assert time.monotonic() < deadline, f"waited {timeout} s in vain for {what}"
        time.sleep(0.01)
    return result


class Terminal:
    """A `livespark` command in a process of its own, its output in files."""

    def __init__(self, command: list[str], cwd: Path, environment: dict[str, str], name: str) -> None:
        self.out, self.err = cwd / f"{name}.out", cwd / f"{name}.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=out, stderr=err)

    def says(self, text: str, timeout: float = 60.0) -> str:
        """Wait until `text` was written to either stream; -> everything written so far."""
        return eventually(lambda: self.text if text in self.text else "", f"{text!r} in:\n{self.text}", timeout)

    @property
    def text(self) -> str:
        return self.out.read_text("utf-8", "replace") + self.err.read_text("utf-8", "replace")

    def wait(self, timeout: float = 60.0) -> int:
        return self.process.wait(timeout)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


class Stage:
    """`home` is LIVESPARK_HOME; scripts lie in `folder`."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home, self.folder = home, folder
        self.terminals: list[Terminal] = []
        self.http = httpx2.Client(timeout=90, verify=False)

    def write(self, name: str, source: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return path

    def livespark(self, *words: str, cwd: Path | None = None, **environment: str) -> Terminal:
        """Start a command and leave it running."""
        command = [sys.executable, "-P", "-m", "livespark.cli.main", *words]
        name = f"terminal-{len(self.terminals)}"
        terminal = Terminal(command, cwd or self.folder, os.environ | environment, name)
        self.terminals.append(terminal)
        return terminal

    def dev(self, script: str, *words: str) -> Terminal:
        """`livespark dev --no-open SCRIPT`, up to the moment at which its address is printed."""
        terminal = self.livespark("dev", "--no-open", *words, script)
        terminal.says("#code=")
        return terminal

    def ask(self, method: str, path: str, accept: str = "*/*", **options: Any) -> httpx2.Response:
        """One request to the server with the local admin token."""
        headers = {"Authorization": f"Bearer {(self.home / 'token').read_text().strip()}", "Accept": accept}
        return self.http.request(method, f"{self.server['url']}{path}", headers=headers, **options)

    def get(self, path: str, accept: str = "*/*") -> Any:
        response = self.ask("GET", path, accept)
        assert response.status_code == 200, response.text
        return response.json()

    @property
    def server(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "server.json").read_text())
        return found

    def run_id(self) -> str:
        """The newest run."""
        return str(eventually(lambda: self.get("/api/runs")["runs"], "a run")[0]["id"])

    def run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/runs/{run}")
        return found

    def reaches(self, run: str, *states: str, timeout: float = 60.0) -> dict[str, Any]:
        """Wait until the run is in one of `states`."""
        return eventually(
            lambda: found if (found := self.run(run))["state"] in states else None, f"{run} to be {states}", timeout
        )

    def command(self, run: str, kind: str, *, wait: float = 30, **fields: Any) -> dict[str, Any]:
        """Ask something of a run and wait for the answer."""
        body = {"id": str(uuid.uuid4()), "command": {"kind": kind, **fields}}
        response = self.ask("POST", f"/api/runs/{run}/commands?wait={wait}", json=body)
        assert response.status_code in (200, 202), response.text
        answer: dict[str, Any] = response.json().get("answer", {})
        return answer

    def call(self, run: str, function: str, *args: Any, **kwargs: Any) -> Any:
        """Call an exposed function; -> its value. The call must be applied."""
        answer = self.command(run, "call", function=function, args=list(args), kwargs=kwargs)
        assert answer["outcome"] == "applied", answer
        return answer.get("value")

    def events(self, run: str) -> list[dict[str, Any]]:
        """All committed events so far."""
        return list(self._events(run))

    def _events(self, run: str) -> Iterator[dict[str, Any]]:
        cursor = f"{self.run(run)['epoch']}-0"
        while (page := self.get(f"/api/runs/{run}/events?after={cursor}", accept="application/json"))["events"]:
            yield from page["events"]
            cursor = page["next"]

    def live(self, run: str) -> dict[str, Any]:
        """The exposed values as they are now."""
        found: dict[str, Any] = self.get(f"/api/runs/{run}/live")["values"]
        return found

    def output(self, run: str) -> bytes:
        """Every byte that the script wrote so far."""
        path = self.home / "runs" / run / "output.log"
        return path.read_bytes() if path.exists() else b""

    def worker(self, run: str) -> psutil.Process:
        record: dict[str, Any] = eventually(lambda: self._record(run).get("worker"), "the worker's process")
        return psutil.Process(record["pid"])

    def keeper(self, run: str) -> psutil.Process:
        record: dict[str, Any] = eventually(lambda: self._record(run).get("keeper"), "the keeper's process")
        return psutil.Process(record["pid"])

    def _record(self, run: str) -> dict[str, Any]:
        path = self.home / "runs" / run / "keeper.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def kill_server(self) -> None:
        """kill -9, and wait until it is gone."""
        process = psutil.Process(self.server["pid"])
        process.kill()
        eventually(lambda: has_ended(process), "its end")

    def close(self) -> None:
        self.http.close()
        for terminal in self.terminals:
            if terminal.process.poll() is None:
                terminal.process.kill()
                terminal.process.wait()
