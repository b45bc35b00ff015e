"""A worker without a server: it runs, keeps what it has to say in its spool, and writes its snapshots."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from livespark.protocol import codec
from livespark.protocol.events import Event
from livespark.protocol.ids import RunId
from livespark.protocol.runs import Entry, Launch
from livespark.protocol.snapshots import Origin, Snapshotting
from livespark.snapshots.folder import Folder
from livespark.transport.spool import read_spool

__all__ = ("NEVER", "Alone", "Nursery")

NEVER: Final = Snapshotting(every_seconds=0, on_end=False)
_SEAL: Final = bytes(range(32))
_NURSERY: Final = Path(__file__).with_name("nursery.py")


class Nursery:
    """Starts workers that need not import torch first."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_NURSERY)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._codes: dict[int, int] = {}

    def begin(self, folder: Path, environment: Mapping[str, str]) -> int:
        """-> the worker's process number."""
        assert self._process.stdin
        job = {"folder": str(folder), "output": str(folder / "written"), "environment": dict(environment)}
        print(json.dumps(job), file=self._process.stdin, flush=True)
        while (said := self._read()).keys() != {"pid"}:
            pass
        pid = int(said["pid"])
        self._codes.pop(pid, None)  # of an earlier process that had the same number
        return pid

    def wait(self, pid: int) -> int:
        """The exit status, negative for a signal."""
        while pid not in self._codes:
            self._read()
        return self._codes[pid]

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        if "code" in said:
            self._codes[said["pid"]] = said["code"]
        return said


class Alone:
    """One run's directory, and one process after another in it."""

    def __init__(self, folder: Path, script: Path, nursery: Nursery) -> None:
        self.folder = folder
        self._script = script
        self._nursery = nursery
        self._incarnation = 0
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def snapshots(self) -> Folder:
        return Folder(self.folder / "snapshots", _SEAL)

    def begin(
        self,
        policy: Snapshotting = NEVER,
        *,
        origin: Origin | None = None,
        origin_dir: Path | None = None,
        persistent: bool = False,
        stay: bool = False,
        config: Mapping[str, Any] | None = None,
        **environment: object,
    ) -> int:
        """Start a process; `environment` besides this one's. -> its number."""
        self._incarnation += 1
        launch = Launch(
            run=RunId("quiet-otter"),
            incarnation=self._incarnation,
            entry=Entry(script=str(self._script)),
            cwd=str(self.folder),
            python=sys.executable,
            env={},
            mode="dev" if stay else "run",
            config=dict(config or {}),
            exit_on_end=False,
            server_file=str(self.folder / "server.json"),
            token="secret",
            snapshots=policy,
            snapshot_dir=str(self.folder / "snapshots"),
            seal=_SEAL.hex(),
            origin=origin,
            origin_dir=str(origin_dir or self.folder / "snapshots"),
            persistent=persistent,
        )
        (self.folder / "launch.json").write_bytes(codec.encode(launch))
        return self._nursery.begin(self.folder, {name: str(value) for name, value in environment.items()})

    def end(self, pid: int) -> tuple[int, list[str]]:
        """-> exit status, and the lines it wrote."""
        return self._nursery.wait(pid), (self.folder / "written").read_text().splitlines()

    def run(self, policy: Snapshotting = NEVER, **rest: Any) -> tuple[int, list[str]]:
        """One process to its end."""
        return self.end(self.begin(policy, **rest))

    def events(self) -> list[Event]:
        """All that the newest process has to say."""
        spool = self.folder / f"spool-{self._incarnation}"
        return [timed.event for batch in read_spool(spool) for timed in batch.events]
