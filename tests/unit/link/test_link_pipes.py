"""The worker's hold on its own output: when it reads, and when it leaves the pipes alone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from livespark.runtime.link.pipes import VARIABLE, OutputPipes, take_over_pipes
from livespark.transport.output_log import read_output
from livespark.transport.pump import prepare
from tests.unit.link.scripted import until


class Keeper:
    """The ends of the pipes that a keeper would hold."""

    def __init__(self) -> None:
        (self.out, self.out_end), (self.err, self.err_end), (self.life, self.life_end) = os.pipe(), os.pipe(), os.pipe()
        for fd in (self.out, self.err):
            prepare(fd)
        self.ends = [self.out_end, self.err_end, self.life_end]

    def die(self) -> None:
        self.ends.remove(self.life_end)
        os.close(self.life_end)


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    keeper = Keeper()
    yield keeper
    for fd in keeper.ends:
        os.close(fd)


def text(folder: Path) -> str:
    return "".join(f"{output.stream[3:]}:{output.text};" for output in read_output(folder, 0, 10**6))


def test_the_variable_is_taken_out_of_the_environment(tmp_path: Path, keeper: Keeper) -> None:
    """The descriptors are taken over once, and not handed on to programs that the script starts."""
    environ = {VARIABLE: f"{keeper.out},{keeper.err},{keeper.life}", "OTHER": "1"}
    for fd in (keeper.out, keeper.err, keeper.life):
        os.set_inheritable(fd, True)
    pipes = take_over_pipes(environ, tmp_path)
    assert pipes is not None
    assert environ == {"OTHER": "1"}
    assert not any(os.get_inheritable(fd) for fd in (keeper.out, keeper.err, keeper.life))
    assert take_over_pipes(environ, tmp_path) is None
    pipes.abandon()
    pipes.abandon()


@pytest.mark.parametrize("value", ["", "1,2", "a,b,c", "998,999,1000"])
def test_nonsense_is_no_pipes(tmp_path: Path, value: str) -> None:
    """A variable that names no open descriptors means that there is no keeper."""
    assert take_over_pipes({VARIABLE: value}, tmp_path) is None


def test_while_the_keeper_lives_nothing_is_read(tmp_path: Path, keeper: Keeper) -> None:
    """With a living keeper, not even the last drain touches the pipes."""
    pipes = OutputPipes(tmp_path, keeper.out, keeper.err, keeper.life)
    os.write(keeper.out_end, b"hello")
    pipes.drain()
    assert text(tmp_path) == ""
    assert os.read(keeper.out, 100) == b"hello"
    pipes.abandon()


def test_the_last_drain_finds_out_that_the_keeper_is_dead(tmp_path: Path, keeper: Keeper) -> None:
    """A keeper that died a moment before the end: what is in the pipes reaches the log."""
    pipes = OutputPipes(tmp_path, keeper.out, keeper.err, keeper.life)
    os.write(keeper.out_end, b"hello")
    os.write(keeper.err_end, b"oh")
    keeper.die()
    pipes.drain()
    assert text(tmp_path) == "out:hello;err:oh;"
    pipes.abandon()
    pipes.drain()


LOGLESS = """
import os, sys, threading, time
from pathlib import Path
from livespark.runtime.link.pipes import take_over_pipes
pipes = take_over_pipes(os.environ, Path(sys.argv[1]))
pipes.start()
for n in range(100):
    os.write(1, b"x" * 65536)
Path(sys.argv[1]).mkdir()
while True:
    os.write(1, b"now\\n")
    time.sleep(0.01)
"""


def test_without_a_log_the_script_does_not_wait(tmp_path: Path, keeper: Keeper) -> None:
    """Keeper dead and run directory gone: output is thrown away; once there is a directory again it is kept."""
    folder = tmp_path / "run"
    shared = (keeper.out, keeper.err, keeper.life)
    worker = subprocess.Popen(
        [sys.executable, "-c", LOGLESS, folder],
        env={**os.environ, VARIABLE: ",".join(map(str, shared))},
        pass_fds=shared,
        stdout=keeper.out_end,
        stderr=keeper.err_end,
    )
    for fd in shared:
        os.close(fd)
    keeper.die()
    until(lambda: folder.exists() and "now\n" in text(folder), "output in the log")
    worker.kill()
    worker.wait()
