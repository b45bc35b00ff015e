"""The keeper starts a run's worker, keeps its output, writes down its end.

`python -m livespark.engine.keeper <run dir>`. Kept small on purpose: it lives as long as the run, and nothing but
SIGKILL ends it before. The worker gets a session of its own, so a signal to its process group reaches all that the
script started, and never the keeper. It also inherits the reading ends of its own output, and of a pipe that only the
keeper can write to: should the keeper die, that pipe tells, and the worker goes on reading (`runtime/link/pipes.py`).
What the keeper itself has to say goes to its stderr, `keeper.log`.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, NamedTuple

from livespark.protocol import codec
from livespark.protocol.runs import ExitRecord, KeeperRecord, Launch, ProcessId
from livespark.transport.files import write_atomically
from livespark.transport.output_log import STDERR, STDOUT, OutputWriter
from livespark.transport.processes import process_id
from livespark.transport.pump import Pump, prepare

__all__ = ("EXIT_FILE", "KEEPER_FILE", "LAUNCH_FILE", "main")

LAUNCH_FILE: Final = "launch.json"
KEEPER_FILE: Final = "keeper.json"
EXIT_FILE: Final = "exit.json"

_GRACE: Final = 1.0
"""Seconds for which output is awaited of those whom the worker left behind."""

_PERSISTENCE: Final = 600
"""Seconds for which writing down the end is tried again (full disk)."""


class _Pipes(NamedTuple):
    """Two pipes for output and the life pipe: reading and writing ends."""

    out: int
    out_end: int
    err: int
    err_end: int
    life: int
    life_end: int


def main(arguments: list[str]) -> int:
    """Keep the run in the directory given; -> exit status 0, or 1 when the worker could not be started."""
    run_dir = Path(arguments[0]).absolute()
    os.chdir("/")
    wake = _deaf_but_for_children()
    launch: Launch = codec.decode((run_dir / LAUNCH_FILE).read_bytes(), Launch)
    keeper = process_id(os.getpid())
    _note(run_dir, KeeperRecord(launch.incarnation, keeper))
    pipes = _Pipes(*os.pipe(), *os.pipe(), *os.pipe())
    try:
        writer = OutputWriter(run_dir)
        worker = _start(launch, run_dir, pipes)
    except OSError as error:
        _note(run_dir, KeeperRecord(launch.incarnation, keeper, error=_why(error, launch)))
        return 1
    _introduce(run_dir, launch, keeper, worker)
    code = _watch(worker, Pump(writer, {pipes.out: STDOUT, pipes.err: STDERR}, wake), wake)
    writer.close()
    _write_down(run_dir / EXIT_FILE, codec.encode(ExitRecord(launch.incarnation, code, time.time())))
    return 0


def _deaf_but_for_children() -> int:
    """Take no notice of signals meant for others; -> a descriptor that becomes readable when a child has ended.

    Handlers, rather than ignoring, because ignored signals would stay ignored in the worker.
    """
    wake, wake_end = os.pipe()
    for fd in (wake, wake_end):
        os.set_blocking(fd, False)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
    return wake


def _start(launch: Launch, run_dir: Path, pipes: _Pipes) -> "subprocess.Popen[bytes]":
    for fd in (pipes.out, pipes.err):
        prepare(fd)
    shared = (pipes.out, pipes.err, pipes.life)
    handover = {"LIVESPARK_PIPES": ",".join(map(str, shared))}
    worker = subprocess.Popen(
        [launch.python, "-P", "-m", "livespark.runtime", str(run_dir)],
        cwd=launch.cwd,
        env=launch.env | handover,
        stdin=subprocess.DEVNULL,
        stdout=pipes.out_end,
        stderr=pipes.err_end,
        pass_fds=shared,
        start_new_session=True,
    )
    for fd in (pipes.out_end, pipes.err_end, pipes.life):
        os.close(fd)
    return worker


def _why(error: OSError, launch: Launch) -> str:
    reason = error.strerror or str(error)
    if not os.access(launch.cwd, os.X_OK):
        return f"the directory {launch.cwd} can't be entered; does it still exist?"
    if isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError):
        return f"the interpreter {launch.python} can't be executed ({reason}); is its environment still there?"
    return f"the worker could not be started: {reason}"


def _introduce(run_dir: Path, launch: Launch, keeper: ProcessId, worker: "subprocess.Popen[bytes]") -> None:
    """Say who the worker is. A worker that nobody could find again is ended."""
    try:
        _note(run_dir, KeeperRecord(launch.incarnation, keeper, process_id(worker.pid)))
    except OSError:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        raise


def _watch(worker: "subprocess.Popen[bytes]", pump: Pump, wake: int) -> int:
    """Keep the output until the worker has ended and its pipes are empty; -> exit status, negative for a signal."""
    while worker.poll() is None:
        pump.turn()
        _read_all(wake)
    deadline = time.monotonic() + _GRACE
    while not pump.finished and (left := deadline - time.monotonic()) > 0:
        pump.turn(left)
        _read_all(wake)
    pump.drain()
    return int(worker.returncode)


def _read_all(fd: int) -> None:
    try:
        while os.read(fd, 512):
            pass
    except BlockingIOError:
        return


def _note(run_dir: Path, record: KeeperRecord) -> None:
    write_atomically(run_dir / KEEPER_FILE, codec.encode(record))


def _write_down(path: Path, data: bytes) -> None:
    for _ in range(_PERSISTENCE):
        try:
            return write_atomically(path, data)
        except OSError as error:
            print(f"the end could not be written down: {error}", file=sys.stderr, flush=True)
            time.sleep(1.0)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
