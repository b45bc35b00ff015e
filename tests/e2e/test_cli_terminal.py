"""dev and run in a real terminal: the live line, Ctrl-C, a server that dies, exit codes."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stage import Stage, eventually
from tests.processes import has_ended

LOOP = """
import time
import livespark as spark
state = spark.persist("state", lambda: {"steps": 0})
spark.expose(state=state)
print("hello", flush=True)
for epoch in spark.loop("epoch", range(3)):
    for batch in spark.loop("batch", range(100000)):
        spark.log(loss=0.5)
        time.sleep(0.005)
"""
STUCK = "import time\nprint('stuck', flush=True)\nwhile True: time.sleep(0.05)\n"
COUNT = """
import time
import livespark as spark
for number in range(400):
    print(number, flush=True)
    spark.checkpoint()
    time.sleep(0.01)
"""


class Pty:
    """A command on a terminal of its own: what it shows, and keys."""

    def __init__(self, stage: Stage, *words: str, **environment: str) -> None:
        self.shown = b""
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 140))
        command = [sys.executable, "-m", "livespark.cli.main", *words]
        self.process = subprocess.Popen(
            command,
            cwd=stage.folder,
            env=os.environ | {"TERM": "xterm"} | environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        os.set_blocking(self._master, False)

    def read(self) -> str:
        with contextlib.suppress(BlockingIOError, OSError):
            while piece := os.read(self._master, 65536):
                self.shown += piece
        return self.shown.decode(errors="replace")

    def shows(self, *texts: str, timeout: float = 50) -> str:
        """Wait until all of these have been shown; -> everything shown so far."""
        deadline = time.monotonic() + timeout
        while not all(text in self.read() for text in texts):
            assert time.monotonic() < deadline, f"{texts} in {self.read()!r}"
            time.sleep(0.01)
        return self.read()

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def ends(self, timeout: float = 60) -> int:
        deadline = time.monotonic() + timeout
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.shown
            self.read()
            time.sleep(0.01)
        self.read()
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        with contextlib.suppress(OSError):
            os.close(self._master)


@pytest.fixture
def terminals(stage: Stage) -> Iterator[list[Pty]]:
    opened: list[Pty] = []
    yield opened
    for terminal in opened:
        terminal.close()


@pytest.fixture
def dev(stage: Stage, terminals: list[Pty]) -> Pty:
    """`livespark dev` with a looping script on a terminal."""
    stage.write("loop.py", LOOP)
    terminals.append(Pty(stage, "dev", "--no-open", "loop.py"))
    terminals[0].shows("#code=", "hello\r\n")
    return terminals[0]


def test_the_live_line_shows_loops_metrics_and_state(stage: Stage, dev: Pty) -> None:
    """Below the script's own output, and it follows the run."""
    dev.shows("epoch 1/3", "batch ", "loss 0.5", "steps/s", "left in epoch", "running")
    stage.command(stage.run_id(), "pause")
    dev.shows("paused")


def test_ctrl_c_stops_and_the_exit_code_is_0(stage: Stage, dev: Pty) -> None:
    """At the next checkpoint; in dev this is the ordinary way out."""
    dev.shows("running")
    dev.interrupt()
    dev.shows("livespark: stopping at the next checkpoint; Ctrl-C again kills it")
    assert dev.ends() == 0
    assert stage.run(stage.run_id())["state"] == "stopped"
    assert "livespark: stopped" in dev.read()
    assert dev.read().endswith("\x1b[2K") or dev.read().endswith("\n")


def test_sigterm_is_like_ctrl_c(stage: Stage, dev: Pty) -> None:
    """A scheduler's way to ask."""
    dev.process.send_signal(signal.SIGTERM)
    assert dev.ends() == 0
    assert stage.run(stage.run_id())["state"] == "stopped"


def test_ctrl_c_twice_kills(stage: Stage, terminals: list[Pty]) -> None:
    """Also what reaches no checkpoint."""
    stage.write("stuck.py", STUCK)
    terminal = Pty(stage, "dev", "--no-open", "stuck.py")
    terminals.append(terminal)
    terminal.shows("stuck\r\n")
    worker = stage.worker(stage.run_id())
    terminal.interrupt()
    terminal.shows("stopping at the next checkpoint")
    terminal.interrupt()
    terminal.shows("killing it")
    assert terminal.ends() != 0
    eventually(lambda: has_ended(worker), "the worker's end")


def test_ctrl_c_twice_kills_without_a_server(stage: Stage, terminals: list[Pty]) -> None:
    """When no server can be had, the keeper's file names the process."""
    stage.write("stuck.py", STUCK)
    terminal = Pty(stage, "dev", "--no-open", "stuck.py")
    terminals.append(terminal)
    terminal.shows("stuck\r\n")
    worker = stage.worker(stage.run_id())
    stage.kill_server()
    (stage.home / "livespark.db").rename(stage.home / "away")
    (stage.home / "livespark.db").mkdir()
    terminal.interrupt()
    terminal.shows("stopping at the next checkpoint")
    terminal.interrupt()
    eventually(lambda: has_ended(worker), "the worker's end")
    terminal.interrupt()
    assert terminal.ends() == 130


def test_a_closed_terminal_leaves_the_run_alone(stage: Stage, dev: Pty) -> None:
    """SIGHUP ends the terminal's command, nothing else."""
    run = stage.run_id()
    dev.process.send_signal(signal.SIGHUP)
    assert dev.ends() == 0
    assert stage.run(run)["state"] == "running"


def test_a_killed_server_costs_no_line(stage: Stage) -> None:
    """The terminal finds a new server, and shows each line of the script once."""
    stage.write("count.py", COUNT)
    terminal = stage.livespark("run", "count.py")
    for number in (20, 120, 240):
        terminal.says(f"\n{number}\n")
        stage.kill_server()
    assert terminal.wait() == 0
    assert terminal.out.read_text().split() == [str(number) for number in range(400)]
    assert "no connection to the server" in terminal.err.read_text()


def test_output_is_unchanged_byte_for_byte(stage: Stage) -> None:
    """Both streams, control characters and what is no text included."""
    stage.write(
        "bytes.py",
        r"""
        import sys
        sys.stdout.buffer.write(b"\xff\x00a\r\n\r 10%\r 20%")
        sys.stderr.buffer.write(b"\x1b[1mbold\xe4")
        """,
    )
    terminal = stage.livespark("run", "bytes.py")
    assert terminal.wait() == 0
    assert terminal.out.read_bytes() == b"\xff\x00a\r\n\r 10%\r 20%"
    assert b"\x1b[1mbold\xe4" in terminal.err.read_bytes()


@pytest.mark.parametrize(
    ("source", "mode", "code"),
    [
        ("print(1)", "run", 0),
        ("1 / 0", "run", 1),
        ("import sys; sys.exit(7)", "run", 1),
        ("import livespark as s; s.controller().stop(); s.checkpoint()", "run", 3),
        ("import livespark as s; s.controller().stop(); s.checkpoint()", "dev", 0),
        ("print(1)", "dev --exit-on-end", 0),
        ("1 / 0", "dev --exit-on-end", 1),
    ],
)
def test_exit_codes(stage: Stage, source: str, mode: str, code: int) -> None:
    """As the table of a run's life says."""
    stage.write("short.py", source)
    assert stage.livespark(*mode.split(), *(["--no-open"] if "dev" in mode else []), "short.py").wait() == code


def test_dev_says_what_it_waits_for(stage: Stage) -> None:
    """After the script's end, and after an exception."""
    stage.write("short.py", "print('done')")
    idle = stage.dev("short.py")
    idle.says("livespark: the script has returned; waiting for calls; Ctrl-C stops")
    idle.send(signal.SIGINT)
    assert idle.wait() == 0
    stage.write("raises.py", "raise ValueError('no luck')")
    held = stage.dev("raises.py")
    held.says("livespark: held: the script has raised")
    held.says("ValueError: no luck")
    held.send(signal.SIGINT)
    assert held.wait() == 0


def test_arguments_modules_and_hyperparameters_arrive(stage: Stage) -> None:
    """As python and the script would have them."""
    stage.write("package/__init__.py", "")
    stage.write(
        "package/train.py",
        """
        import sys, os
        import livespark as spark
        print(sys.argv[1:], dict(spark.config), os.getcwd() == os.path.dirname(os.path.dirname(__file__)))
        """,
    )
    stage.write("base.toml", "lr = 0.5\nwidth = 3\n")
    terminal = stage.livespark(
        *("run", "-m", "package.train", "--config", "base.toml", "--set", "lr=0.1", "--", "--epochs", "3")
    )
    assert terminal.wait() == 0
    assert terminal.out.read_text() == "['--epochs', '3'] {'lr': 0.1, 'width': 3} True\n"


def test_ctrl_c_before_the_run_has_begun(stage: Stage) -> None:
    """An early Ctrl-C leaves nothing running."""
    stage.write("loop.py", LOOP)
    terminal = stage.livespark("dev", "--no-open", "loop.py")
    eventually(lambda: (stage.home / "server.json").exists(), "the server")
    terminal.send(signal.SIGINT)
    terminal.wait()
    eventually(lambda: not [r for r in stage.get("/api/runs")["runs"] if r["state"] == "running"], "no run")


def test_a_run_elsewhere_is_refused(stage: Stage, tmp_path: Path) -> None:
    """A script in place needs a server in place."""
    stage.write("short.py", "print(1)")
    terminal = stage.livespark("run", "--server", "http://192.0.2.1:4280", "short.py")
    assert terminal.wait() == 2
    assert "is elsewhere" in terminal.text
