"""A script under `livespark run` with a server of its own, for the benchmarks that look from outside."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2

__all__ = ("Served", "serve", "wait_for")

_T = TypeVar("_T")
LIVESPARK = [sys.executable, "-m", "livespark.cli.main"]


def wait_for(condition: Callable[[], _T | None], timeout: float = 60.0) -> _T:
    """The first truthy result; TimeoutError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)
    return result


class Served:
    """The run and an HTTP client that may do everything."""

    def __init__(self, home: Path) -> None:
        server = wait_for(lambda: _read(home / "server.json"))
        headers = {"Authorization": f"Bearer {(home / 'token').read_text().strip()}"}
        self.http = httpx2.Client(base_url=server["url"], headers=headers, timeout=60)
        self.run = wait_for(lambda: self.http.get("/api/runs").json()["runs"])[0]["id"]

    def state(self) -> str:
        return str(self.http.get(f"/api/runs/{self.run}").json()["state"])

    def command(self, id: str, kind: str, **fields: Any) -> dict[str, Any]:
        """Ask and wait for the answer."""
        body = {"id": id, "command": {"kind": kind, **fields}}
        answer: dict[str, Any] = self.http.post(f"/api/runs/{self.run}/commands?wait=30", json=body).json()["answer"]
        return answer


@contextmanager
def serve(script: Path, *arguments: str) -> Iterator[Served]:
    """Run `script` under a fresh home; stop run and server at the end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        environment = os.environ | {"LIVESPARK_HOME": home, "PYTHONPATH": str(script.parent)}
        command = [*LIVESPARK, "run", str(script), "--", *arguments]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield Served(Path(home))
        finally:
            process.terminate()
            process.wait(30)
            subprocess.run([*LIVESPARK, "server", "stop"], env=environment, capture_output=True, check=False)


def _read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text()) if path.exists() else None
