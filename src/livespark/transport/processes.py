"""Telling a process from a later one with the same number."""

import psutil

from livespark.protocol.runs import ProcessId

__all__ = ("alive", "own_process")

_SAME = 1.0
"""Seconds. Start times are computed from the boot time, which may be corrected a little."""


def alive(known: ProcessId) -> psutil.Process | None:
    """That very process, while it runs; None where it has ended, be its number taken by another."""
    try:
        found = psutil.Process(known.pid)
        is_same = abs(found.create_time() - known.created) < _SAME
        return found if is_same and found.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def own_process() -> ProcessId:
    """The process that this code runs in."""
    process = psutil.Process()
    return ProcessId(process.pid, process.create_time())
