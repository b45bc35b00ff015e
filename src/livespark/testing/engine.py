"""An engine without processes: a test says how its runs are."""

import base64
import threading
from collections.abc import Iterator
from pathlib import Path

from livespark.engine.base import Alive, EngineError, Gone, Observation
from livespark.protocol.events import Batch
from livespark.protocol.ids import RunId
from livespark.protocol.runs import Launch
from livespark.protocol.stream import Output
from livespark.settings import Settings
from livespark.snapshots.folder import Folder

__all__ = ("FakeEngine",)


class FakeEngine:
    """Implements `engine.base.Engine`. What was asked of it stands in `launches` (each run's newest), `started` (all of
    them), `signals` and `forgotten`.

    `refusal`: the text of the EngineError that `start` raises. `gate`: `start` waits for it. `unknown`: how runs
    are that were not started here. `home`: below it lie the snapshots, as those of real runs do.
    """

    def __init__(self, *, refusal: str = "", unknown: Observation | None = None) -> None:
        self.refusal = refusal
        self.gate = threading.Event()
        self.gate.set()
        self.home = Path("/nonexistent")
        self.launches: dict[RunId, Launch] = {}
        self.started: list[Launch] = []
        self.signals: list[tuple[RunId, int]] = []
        self.forgotten: list[RunId] = []
        self._unknown = unknown or Gone()
        self._states: dict[RunId, Observation] = {}
        self._written: dict[RunId, list[Output]] = {}
        self._leftovers: dict[RunId, list[tuple[int, Batch]]] = {}

    def end(self, run: RunId, observation: Observation, leftovers: list[tuple[int, Batch]] | None = None) -> None:
        """From now on the run's process is like this, and `leftovers` are in its spool."""
        self._leftovers[run] = leftovers or []
        self._states[run] = observation

    def write(self, run: RunId, text: str) -> None:
        """The run's script writes `text`."""
        pieces = self._written.setdefault(run, [])
        start = pieces[-1].end if pieces else 0
        pieces.append(Output(start=start, end=start + len(text.encode()), stream="stdout", time=0.0, text=text))

    def write_half(self, run: RunId, data: bytes) -> None:
        """The run's script writes the first bytes of a character."""
        start = self._written[run][-1].end
        half = Output(start, start + len(data), "stdout", 0.0, base64=base64.b64encode(data).decode())
        self._written[run].append(half)

    def start(self, launch: Launch) -> None:
        self.gate.wait()
        if self.refusal:
            raise EngineError(self.refusal)
        self._states[launch.run] = Alive()
        self.started.append(launch)
        self.launches[launch.run] = launch

    def observe(self, run: RunId) -> Observation:
        return self._states.get(run, self._unknown)

    def signal(self, run: RunId, signal: int) -> bool:
        self.signals.append((run, signal))
        return isinstance(self.observe(run), Alive)

    def output(self, run: RunId, after: int, limit: int, *, settled: bool = False) -> list[Output]:
        pieces = [piece for piece in self._written.get(run, []) if after <= piece.start < after + limit]
        return [piece for piece in pieces if settled or not piece.base64]

    def leftovers(self, run: RunId) -> Iterator[tuple[int, Batch]]:
        return iter(self._leftovers.get(run, []))

    def snapshots(self, run: RunId) -> Folder:
        return Folder(Settings(home=self.home).snapshot_dir(run))

    def forget(self, run: RunId) -> None:
        self.forgotten.append(run)
