"""Ending a run of this machine when no server answers: by the file in which its keeper wrote down who it is."""

import contextlib
import os
import signal

import psutil

from livespark.protocol import codec
from livespark.protocol.runs import KeeperRecord, ProcessId
from livespark.settings import Settings

__all__ = ("kill_worker",)


def kill_worker(settings: Settings, run: str) -> bool:
    """SIGKILL to the process group of the run's worker; False where there is none any more, or none that we know of."""
    try:
        written = (settings.run_dir(run) / "keeper.json").read_bytes()
        record: KeeperRecord = codec.decode(written, KeeperRecord)
    except (OSError, codec.Malformed):
        return False
    if record.worker is None or not _is_same(record.worker):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.killpg(record.worker.pid, signal.SIGKILL)
        return True
    return False


def _is_same(process: ProcessId) -> bool:
    try:
        return abs(float(psutil.Process(process.pid).create_time()) - process.created) < 1.0
    except psutil.Error:
        return False
