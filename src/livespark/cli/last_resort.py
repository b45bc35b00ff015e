"""Ending a run of this machine when no server answers: by the file in which its keeper wrote down who it is."""

import contextlib
import os
import signal

from livespark.protocol import codec
from livespark.protocol.runs import KeeperRecord
from livespark.settings import Settings
from livespark.transport.processes import find_process

__all__ = ("kill_worker",)


def kill_worker(settings: Settings, run: str) -> bool:
    """SIGKILL to the process group of the run's worker; False where there is none any more, or none that we know of."""
    try:
        written = (settings.run_dir(run) / "keeper.json").read_bytes()
        record: KeeperRecord = codec.decode(written, KeeperRecord)
    except (OSError, codec.Malformed):
        return False
    if record.worker is None or find_process(record.worker) is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.killpg(record.worker.pid, signal.SIGKILL)
        return True
    return False
