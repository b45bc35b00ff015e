"""Telling a process from a later one with the same number.

Nothing but the kernel's own mark serves: a start time in Unix seconds is computed from the boot time on Linux, and that
moves whenever the clock is set, as after a laptop's sleep. Every process would look like a stranger then.
"""

import functools
import os
import sys
from pathlib import Path
from typing import Final

import psutil

from livespark.protocol.runs import ProcessId

__all__ = ("alive", "find_process", "lives", "of_earlier_boot", "own_process", "process_id")

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_START: Final = 19
"""Of the fields in /proc/PID/stat that follow the process's name."""


def process_id(pid: int) -> ProcessId:
    """The process that has this number now. Raises psutil.NoSuchProcess."""
    return ProcessId(pid, _created(psutil.Process(pid)))


def own_process() -> ProcessId:
    """The process that this code runs in."""
    return process_id(os.getpid())


def alive(known: ProcessId) -> psutil.Process | None:
    """That very process, while it runs; None where it has ended, be its number taken by another."""
    found = find_process(known)
    return found if lives(found) else None


def find_process(known: ProcessId | None) -> psutil.Process | None:
    """That very process, be it dead but not yet buried; None where there is none."""
    if known is None:
        return None
    try:
        process = psutil.Process(known.pid)
        return process if _created(process) == known.created else None
    except psutil.Error:
        return None


def lives(process: psutil.Process | None) -> bool:
    """Whether there is a process, and not only its exit status."""
    try:
        return process is not None and bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def of_earlier_boot(known: ProcessId) -> bool:
    """Whether the machine has been restarted since that process began."""
    if sys.platform != "linux":
        return float(known.created) < psutil.boot_time()
    return known.created.partition(":")[0] != _boot()


def _created(process: psutil.Process) -> str:
    if sys.platform != "linux":
        return repr(process.create_time())
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        raise psutil.NoSuchProcess(process.pid) from None
    return f"{_boot()}:{fields[_START].decode()}"


@functools.cache
def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
