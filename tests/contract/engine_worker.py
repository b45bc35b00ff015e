"""Workers for the engine's contract: real processes that do one thing each.

An interpreter for a launch is made by `interpreter`: a shell script which executes what the test wants, instead of the
runtime that the keeper asks for.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from livespark.protocol.ids import RunId
from livespark.protocol.runs import Entry, Launch

__all__ = ("interpreter", "launch_of", "python_worker", "until")

TAKING_OVER = """
import os, sys
from pathlib import Path
from livespark.runtime.link.pipes import take_over_pipes
RUN_DIR = Path(sys.argv[1])
assert (pipes := take_over_pipes(os.environ, RUN_DIR)) is not None
pipes.start()
"""
"""The beginning of a worker that holds its own output, as the runtime does."""


def interpreter(folder: Path, commands: str) -> str:
    """An executable that ignores `-P -m livespark.runtime` and executes `commands`, with the run's directory as $1."""
    path = folder / "interpreter"
    path.write_text(f"#!/bin/sh\nshift 3\n{commands}\n")
    path.chmod(0o755)
    return str(path)


def python_worker(folder: Path, program: str, *, takes_over: bool = True) -> str:
    """An executable that runs `program`, with the real thread that takes the output over."""
    path = folder / "program.py"
    path.write_text((TAKING_OVER if takes_over else "") + program)
    return interpreter(folder, f'exec "{sys.executable}" "{path}" "$1"')


def launch_of(folder: Path, python: str, *, run: str = "quiet-otter", incarnation: int = 1) -> Launch:
    return Launch(
        run=RunId(run),
        incarnation=incarnation,
        entry=Entry(script="train.py"),
        cwd=str(folder),
        python=python,
        env={"PATH": "/usr/bin:/bin", "MARK": "from the launch"},
        mode="run",
        config={},
        exit_on_end=False,
        server_file=str(folder / "server.json"),
        token="secret",
    )


def until(condition: Callable[[], bool], what: str, timeout: float = 20.0) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout} s in vain: {what}"
        time.sleep(0.01)
