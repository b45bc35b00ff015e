"""Which process is meant by a number."""

import os
import subprocess
import time
from collections.abc import Callable

import psutil
import pytest

from livespark.protocol.runs import ProcessId
from livespark.transport.processes import find_process, lives, process_id


def test_a_process_is_itself_after_the_clock_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting the clock moves the boot time, and with it the start times of all processes in Unix seconds."""
    known = process_id(os.getpid())
    boot: Callable[[], float] = psutil.boot_time
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot() + 3600.0, raising=False)
    assert find_process(known) == psutil.Process()


def test_a_later_process_of_the_same_number_is_another() -> None:
    """Neither one without a mark, nor one that has gone, is found."""
    assert find_process(ProcessId(os.getpid(), "another start")) is None
    assert find_process(None) is None
    with subprocess.Popen(["sleep", "100"]) as child:
        known = process_id(child.pid)
        child.kill()
    assert find_process(known) is None
    with pytest.raises(psutil.NoSuchProcess):
        process_id(child.pid)


def test_a_process_that_waits_for_its_burial_is_there_and_does_not_live() -> None:
    """Its number can't have gone to another yet."""
    with subprocess.Popen(["sleep", "100"]) as child:
        assert lives(find_process(process_id(child.pid)))
        child.kill()
        deadline = time.monotonic() + 10
        while lives(found := find_process(process_id(child.pid))) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert found is not None
        assert not lives(found)
