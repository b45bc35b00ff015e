"""From a file being saved to the first step that runs its new code: ours, the bare machine's, the peers', in one run.

Every contender is a training loop in a process of its own. Edits are atomic replacements of the same size; for
jurigged, which does not notice these, the file is written in place. Each is made as soon as the one before has been
seen, so that several fall into one second. `soft` edits a function, `hard` a constant of the script, `restart` starts
the process anew.
"""

import argparse
import contextlib
import importlib.util
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
CONTENDERS = ("stat", "livespark soft", "livespark poll", "livespark hard", "jurigged", "restart")
SUBJECT = '"""What is edited."""\n\n\ndef version() -> int:\n    return {}\n'


class Loop:
    """A contender's process, and the file in which it tells what it sees."""

    def __init__(self, contender: str, folder: Path) -> None:
        self.folder = folder
        self.seen = folder / "seen"
        self.script = folder / "loop.py"
        self.script.write_text((HERE / "reload_contender.py").read_text())
        self._way = contender.split()[0]
        self.save("subject.py", SUBJECT.format(100))
        self._environment = os.environ | {"LIVESPARK_HOME": str(folder / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
        if contender.endswith("poll"):
            self._environment["LIVESPARK_WATCH"] = "poll"
        self._process: subprocess.Popen[bytes] | None = None

    def save(self, name: str, text: str) -> float:
        """As editors do: a new file takes the place of the old one. -> when."""
        if self._way == "jurigged":
            moment = time.monotonic()
            (self.folder / name).write_text(text)
            return moment
        new = self.folder / f".{name}.new"
        new.write_text(text)
        moment = time.monotonic()
        new.replace(self.folder / name)
        return moment

    def start(self) -> float:
        arguments = [self._way, str(self.seen)]
        command = [sys.executable, str(self.script), *arguments]
        if self._way == "livespark":
            command = [
                sys.executable,
                "-m",
                "livespark.cli.main",
                "dev",
                "--no-open",
                str(self.script),
                "--",
                *arguments,
            ]
        moment = time.monotonic()
        self._process = subprocess.Popen(
            command, cwd=self.folder, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return moment

    def stop(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)
        if self._way == "livespark":
            stop = [sys.executable, "-m", "livespark.cli.main", "server", "stop"]
            subprocess.run(stop, env=self._environment, capture_output=True, check=False)

    def await_version(self, version: int, patience: float) -> float | None:
        """When the first step saw `version`; None if none did."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            with contextlib.suppress(FileNotFoundError):
                for line in reversed(self.seen.read_text().splitlines()):
                    number, _, moment = line.partition(" ")
                    if int(number) == version and moment:
                        return float(moment)
            time.sleep(0.0005)
        return None


def soft(loop: Loop, number: int) -> tuple[float, int]:
    return loop.save("subject.py", SUBJECT.format(100 + number)), 1100 + number


def hard(loop: Loop, number: int) -> tuple[float, int]:
    text = loop.script.read_text()
    before = next(line for line in text.splitlines() if line.startswith("TOP = "))
    return loop.save("loop.py", text.replace(before, f"TOP = {1000 + number}")), 1100 + number


def restart(loop: Loop, number: int) -> tuple[float, int]:
    loop.stop()
    moment, version = soft(loop, number)
    loop.start()
    return moment, version


EDITS: dict[str, Callable[[Loop, int], tuple[float, int]]] = {"livespark hard": hard, "restart": restart}


@contextlib.contextmanager
def running(contender: str) -> Iterator[Loop]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        loop = Loop(contender, Path(folder))
        loop.start()
        try:
            if loop.await_version(1100, 120) is None:
                raise SystemExit(f"{contender}: the loop did not start")
            yield loop
        finally:
            loop.stop()


def measure(contender: str, edits: int) -> tuple[list[float], int]:
    """Seconds from saving to effect, and how many edits had none within five seconds."""
    edit, delays, missed = EDITS.get(contender, soft), [], 0
    with running(contender) as loop:
        for number in range(1, edits + 1):
            saved, version = edit(loop, number)
            seen = loop.await_version(version, 60 if contender == "restart" else 5)
            if seen is None:
                missed += 1
            else:
                delays.append(seen - saved)
    return delays, missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edits", type=int, default=40, help="edits per contender (restarts: a tenth)")
    parser.add_argument("--only", nargs="*", default=CONTENDERS, help="contenders to measure")
    options = parser.parse_args()
    bare = 0.0
    print(f"{'':16}{'median':>11}{'p95':>11}{'x bare':>8}{'missed':>8}")
    for contender in options.only:
        if contender == "jurigged" and importlib.util.find_spec("jurigged") is None:
            print(f"{contender:16} not installed (pip install -r requirements/bench.txt)")
            continue
        delays, missed = measure(contender, max(3, options.edits // 10) if contender == "restart" else options.edits)
        if not delays:
            print(f"{contender:16}{'never':>11}{'':>19}{missed:8}")
            continue
        median = statistics.median(delays)
        bare = bare or median
        worst = sorted(delays)[int(len(delays) * 0.95)]
        print(f"{contender:16}{median * 1e3:8.1f} ms{worst * 1e3:8.1f} ms{median / bare:8.1f}{missed:8}")


if __name__ == "__main__":
    main()
