"""The pump: gathers, keeps up with a loud script, never makes it wait for a broken disk."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from livespark.transport.output_log import INDEX, STDERR, STDOUT, OutputWriter, read_output
from livespark.transport.pump import Pump, prepare


class Rig:
    """A pump with two pipes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writer = OutputWriter(folder)
        (self.out, self.out_end), (self.err, self.err_end) = os.pipe(), os.pipe()
        for fd in (self.out, self.err):
            prepare(fd)
        self.pump = Pump(self.writer, {self.out: STDOUT, self.err: STDERR})

    def texts(self) -> list[tuple[str, str]]:
        return [(output.stream, output.text) for output in read_output(self.folder, 0, 10**7)]

    def close(self) -> None:
        self.writer.close()
        for fd in (self.out, self.out_end, self.err, self.err_end):
            os.close(fd)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.close()


def test_first_words_go_at_once(rig: Rig) -> None:
    """A quiet stream's output is moved without any waiting, both streams in one turn."""
    os.write(rig.out_end, b"one")
    os.write(rig.err_end, b"two")
    rig.pump.turn(0.0)
    assert rig.texts() == [("stdout", "one"), ("stderr", "two")]


def test_a_chatty_stream_is_gathered(rig: Rig) -> None:
    """A thousand small writes within moments make few pieces."""
    stop = threading.Event()

    def chat() -> None:
        for n in range(1000):
            os.write(rig.out_end, b"%d\n" % n)
            time.sleep(0.0001)
        stop.set()

    thread = threading.Thread(target=chat)
    begun = time.monotonic()
    thread.start()
    while not stop.is_set():
        rig.pump.turn(0.05)
    took = time.monotonic() - begun
    thread.join()
    rig.pump.drain()
    assert "".join(text for _, text in rig.texts()) == "".join(f"{n}\n" for n in range(1000))
    assert (rig.folder / INDEX).stat().st_size / 17 <= took / 0.002 + 3


def test_what_was_written_first_comes_first(rig: Rig) -> None:
    """A line, and soon after it an error: the order in the log is the order in which they were written."""
    os.write(rig.out_end, b"early\n")
    rig.pump.turn(1)
    os.write(rig.out_end, b"line\n")
    os.write(rig.err_end, b"error\n")
    while len(rig.texts()) < 3:
        rig.pump.turn(1)

    assert rig.texts() == [("stdout", "early\n"), ("stdout", "line\n"), ("stderr", "error\n")]


def test_a_loud_script_is_not_slowed_down(rig: Rig) -> None:
    """Fifty megabytes pass in moments, complete."""
    count = 50 * 1024**2
    program = f"import os\nfor _ in range({count // 65536}): os.write(1, b'x' * 65536)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=rig.out_end) as process:
        begun = time.monotonic()
        while process.poll() is None:
            rig.pump.turn(0.05)
        took = time.monotonic() - begun
    rig.pump.drain()
    assert (rig.folder / "output.log").stat().st_size == count
    assert took < 5


def test_a_disk_that_fails_costs_output_but_no_time(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the log can't be written the pipes are emptied; afterwards the log says how much is missing."""
    now = [0.0]
    pump = Pump(rig.writer, {rig.out: STDOUT, rig.err: STDERR}, clock=lambda: now[0])

    def fail(*args: object) -> int:
        raise OSError(28, "No space left on device")

    os.write(rig.out_end, b"before\n")
    pump.turn(0.0)
    with monkeypatch.context() as patch:
        patch.setattr(rig.writer, "copy", fail)
        patch.setattr(rig.writer, "write", fail)
        for _ in range(100):
            os.write(rig.out_end, b"x" * 50_000)
            now[0] += 0.1
            pump.turn(0.0)
    os.write(rig.out_end, b"after\n")
    now[0] += 1.0
    pump.turn(0.0)
    note = "[livespark: 5000000 bytes of output are missing here: No space left on device]\n"
    assert rig.texts() == [("stdout", "before\n"), ("stderr", note), ("stdout", "after\n")]


def test_a_split_character_stays_together(rig: Rig) -> None:
    """When a piece ends within a character, the same stream is read on before the other one."""
    os.write(rig.out_end, "€".encode()[:2])
    os.write(rig.err_end, b"!")
    rest = threading.Timer(0.003, os.write, (rig.out_end, "€".encode()[2:]))
    rest.start()
    rig.pump.turn(0.0)
    rest.join()
    assert rig.texts() == [("stdout", "€"), ("stderr", "!")]


def test_closed_pipes_finish_it(rig: Rig) -> None:
    """The pump is finished when both pipes are closed; a wake descriptor ends a waiting at once."""
    wake, wake_end = os.pipe()
    pump = Pump(rig.writer, {rig.out: STDOUT, rig.err: STDERR}, wake=wake)
    os.write(wake_end, b"!")
    pump.turn(None)
    ends = (rig.out_end, rig.err_end)
    rig.out_end, rig.err_end = os.dup(wake), os.dup(wake)
    for fd in ends:
        os.close(fd)
    pump.turn(1.0)
    assert pump.finished
    for fd in (wake, wake_end):
        os.close(fd)
