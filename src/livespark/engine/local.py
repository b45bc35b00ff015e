"""Runs on this machine, each under a keeper. All that is known lies in files, so any later engine can take over.

A process counts as ours only if number and start time agree with what the keeper wrote down: nothing is ever
signalled by number alone.
"""

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

import psutil

from livespark.engine.base import Alive, EngineError, Exited, Gone, Observation
from livespark.engine.keeper import EXIT_FILE, KEEPER_FILE, LAUNCH_FILE
from livespark.protocol import codec
from livespark.protocol.events import Batch
from livespark.protocol.ids import RunId
from livespark.protocol.runs import ExitRecord, KeeperRecord, Launch, ProcessId
from livespark.protocol.stream import Output
from livespark.settings import Settings
from livespark.snapshots.folder import Folder
from livespark.transport.files import write_atomically
from livespark.transport.output_log import read_output
from livespark.transport.processes import find_process, lives, of_earlier_boot
from livespark.transport.spool import read_spool

__all__ = ("LocalEngine",)

_LOG: Final = "keeper.log"
_START: Final = 60.0
"""Seconds within which a keeper has started its worker, on a very busy machine."""

_YOUNG: Final = 10.0
"""For so many seconds after `launch.json` was written, a missing keeper is one that is about to start."""

_SPOOL: Final = re.compile(r"spool-(\d+)")
_T = TypeVar("_T")


class LocalEngine:
    """Implements `engine.base.Engine`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keepers: set[int] = set()

    def start(self, launch: Launch) -> None:
        """Start the run's process and return once it is under way; it outlives this process. What earlier incarnations
        left in their spools goes. Raises EngineError."""
        run_dir = self._settings.run_dir(launch.run)
        try:
            for folder in (run_dir.parent, run_dir):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _remove_spools(run_dir, before=launch.incarnation)
            write_atomically(run_dir / LAUNCH_FILE, codec.encode(launch))
            keeper = _spawn(run_dir)
        except OSError as error:
            raise EngineError(f"the run can't be started: {_sentence(error, run_dir)}") from error
        self._keepers.add(keeper)
        self._await_worker(launch, run_dir, keeper)

    def observe(self, run: RunId) -> Observation:
        """How the run's newest incarnation is."""
        self._reap()
        run_dir = self._settings.run_dir(run)
        ended = _ended(run_dir)
        record = _keeper(run_dir)
        if ended or not (_lives(record.keeper) or _lives(record.worker) if record else _is_young(run_dir)):
            return ended or _ended(run_dir) or Gone(restarted=record is not None and of_earlier_boot(record.keeper))
        return Alive(record.worker.pid if record and record.worker else None)

    def signal(self, run: RunId, signal: int) -> bool:
        """Send a signal to the run's whole process group; False when there is none any more."""
        record = _keeper(self._settings.run_dir(run))
        if record is None or record.worker is None or not _has_living_group(record.worker):
            return False
        try:
            os.killpg(record.worker.pid, signal)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def output(self, run: RunId, after: int, limit: int, *, settled: bool = False) -> list[Output]:
        """What the run wrote from byte offset `after` on, about `limit` bytes at the most; [] when there is no more."""
        return read_output(self._settings.run_dir(run), after, limit, settled=settled)

    def leftovers(self, run: RunId) -> Iterator[tuple[int, Batch]]:
        """`(incarnation, batch)` that dead workers left in their spools, in order, acknowledged ones included."""
        for incarnation, path in sorted(_spools(self._settings.run_dir(run))):
            for batch in read_spool(path):
                yield incarnation, batch

    def snapshots(self, run: RunId) -> Folder:
        """The run's snapshots, of all its incarnations."""
        return Folder(self._settings.snapshot_dir(run))

    def forget(self, run: RunId) -> None:
        """Remove spools and the launch file with its secrets. The output and the snapshots stay."""
        run_dir = self._settings.run_dir(run)
        (run_dir / LAUNCH_FILE).unlink(missing_ok=True)
        _remove_spools(run_dir)

    def _await_worker(self, launch: Launch, run_dir: Path, keeper: int) -> None:
        deadline = time.monotonic() + _START
        while time.monotonic() < deadline:
            self._reap()
            done = keeper not in self._keepers
            record = _read(run_dir / KEEPER_FILE, KeeperRecord)
            if record is not None and record.incarnation == launch.incarnation:
                if record.error:
                    raise EngineError(f"the run can't be started: {record.error}")
                if record.worker:
                    return
            if done:
                raise EngineError(f"the run can't be started: its keeper ended at once. {_last_words(run_dir)}")
            time.sleep(0.005)
        os.kill(keeper, signal.SIGKILL)
        raise EngineError(f"the run can't be started: its keeper was not ready within {_START:.0f} s")

    def _reap(self) -> None:
        """Take note of keepers that have ended, so that no zombies remain."""
        for pid in list(self._keepers):
            try:
                ended = os.waitpid(pid, os.WNOHANG)[0] == pid
            except ChildProcessError:
                ended = True
            if ended:
                self._keepers.discard(pid)


def _spawn(run_dir: Path) -> int:
    """Start a keeper in a session of its own; -> its process number."""
    log = str(run_dir / _LOG)
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-P", "-m", "livespark.engine.keeper", str(run_dir)],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP},
    )


def _ended(run_dir: Path) -> Exited | None:
    record = _read(run_dir / EXIT_FILE, ExitRecord)
    return Exited(record.code) if record and record.incarnation == _incarnation(run_dir) else None


def _keeper(run_dir: Path) -> KeeperRecord | None:
    """The newest incarnation's keeper, if it has said who it is."""
    record = _read(run_dir / KEEPER_FILE, KeeperRecord)
    return record if record and record.incarnation == _incarnation(run_dir) else None


def _incarnation(run_dir: Path) -> int | None:
    newest = _read(run_dir / LAUNCH_FILE, Launch) or _read(run_dir / KEEPER_FILE, KeeperRecord)
    return newest.incarnation if newest else None


def _read(path: Path, kind: type[_T]) -> _T | None:
    try:
        message: _T = codec.decode(path.read_bytes(), kind)
    except (FileNotFoundError, codec.Malformed):
        return None
    return message


def _is_young(run_dir: Path) -> bool:
    try:
        return time.time() - (run_dir / LAUNCH_FILE).stat().st_mtime < _YOUNG
    except FileNotFoundError:
        return False


def _lives(known: ProcessId | None) -> bool:
    """Whether that very process still runs."""
    return lives(find_process(known))


def _has_living_group(leader: ProcessId) -> bool:
    """Whether somebody is left in the group, be it that its leader only waits to be buried."""
    if _lives(leader):
        return True
    if find_process(leader) is None:
        return False
    return any(_group(process.pid) == leader.pid and lives(process) for process in psutil.process_iter())


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return 0


def _spools(run_dir: Path) -> list[tuple[int, Path]]:
    found = [(_SPOOL.fullmatch(path.name), path) for path in run_dir.glob("spool-*")]
    return [(int(match[1]), path) for match, path in found if match]


def _remove_spools(run_dir: Path, before: int | None = None) -> None:
    """Those of the incarnations below `before`, or all."""
    for incarnation, path in _spools(run_dir):
        if before is None or incarnation < before:
            path.unlink(missing_ok=True)


def _sentence(error: OSError, run_dir: Path) -> str:
    where = error.filename or run_dir
    return f"{error.strerror or error} ({where}). Check that there is room and that this directory can be written to"


def _last_words(run_dir: Path) -> str:
    """The last line of the keeper's log."""
    try:
        lines = (run_dir / _LOG).read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return f"Its last words: {lines[-1]}" if lines else f"{run_dir / _LOG} may tell more."
