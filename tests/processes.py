"""Processes that tests have started, and their ends."""

import os
import time
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ("end_processes_of", "has_ended")


def has_ended(process: psutil.Process) -> bool:
    """Gone, or nothing but an exit status that nobody has asked for yet: some systems leave that for seconds."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end_processes_of(folder: Path) -> None:
    """Kill what still runs with `folder` as its home, or below it."""
    mine = str(folder)
    left = [process for process in psutil.process_iter() if process.pid != os.getpid() and _belongs(process, mine)]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    end = time.monotonic() + 10
    while not all(map(has_ended, left)) and time.monotonic() < end:
        time.sleep(0.005)


def _belongs(process: psutil.Process, folder: str) -> bool:
    """Python's own keeper of shared memory has the home of the test that needed it first, and serves the later ones."""
    try:
        command = process.cmdline()
        if any("multiprocessing.resource_tracker" in part for part in command):
            return False
        return any(part.startswith(folder) for part in command) or process.environ().get("LIVESPARK_HOME") == folder
    except (psutil.Error, OSError):
        return False
