"""What noticing a save takes, and what waiting for one costs a training loop: Livespark's watcher and its peers.

Each contender watches the same folders in a process of its own. The peers are set as they would have to be: watchfiles
with its shortest step, watchdog told of written and moved files only.
"""

import argparse
import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

FOLDERS = 20
SAVES = 40
CONTENDERS = ("livespark", "livespark_polling", "watchfiles", "watchdog")
PEERS = {"watchfiles", "watchdog"}


def watch_livespark(files: list[Path], changed: Callable[[], object], *, poll: bool = False) -> None:
    from livespark.runtime.reload.project import Project
    from livespark.runtime.reload.sources import Sources
    from livespark.runtime.reload.watcher import Watcher

    sources = Sources(Project(files[0].parents[1]), lambda source: None)
    for file in files:
        sources.load(str(file), file.read_bytes())

    def look() -> None:
        if sources.changed():
            changed()

    Watcher(sources, look, poll=poll).start()


def watch_watchfiles(files: list[Path], changed: Callable[[], object]) -> None:
    watchfiles = importlib.import_module("watchfiles")

    def run() -> None:
        for _ in watchfiles.watch(*(file.parent for file in files), step=5, debounce=50, recursive=False):
            changed()

    threading.Thread(target=run, daemon=True).start()


def watch_watchdog(files: list[Path], changed: Callable[[], object]) -> None:
    events = importlib.import_module("watchdog.events")
    handler = events.FileSystemEventHandler()
    handler.on_any_event = lambda event: changed()
    observer = importlib.import_module("watchdog.observers").Observer()
    for file in files:
        observer.schedule(handler, str(file.parent), event_filter=[events.FileClosedEvent, events.FileMovedEvent])
    observer.start()


WATCHES: dict[str, Callable[[list[Path], Callable[[], object]], None]] = {
    "livespark": watch_livespark,
    "livespark_polling": lambda files, changed: watch_livespark(files, changed, poll=True),
    "watchfiles": watch_watchfiles,
    "watchdog": watch_watchdog,
}


def in_place(file: Path, text: str) -> None:
    file.write_text(text)


def by_replacing(file: Path, text: str) -> None:
    draft = file.with_suffix(".tmp")
    draft.write_text(text)
    draft.replace(file)


def after_a_move_out(file: Path, text: str) -> None:
    """As an editor that keeps its backups in a folder of their own."""
    file.replace(file.parents[1] / "backup")
    file.write_text(text)


def spent_by_others() -> tuple[int, float]:
    """How often the other threads of this process woke up, and the seconds of processor time they took."""
    wakeups, nanoseconds = 0, 0
    for folder in Path("/proc/self/task").iterdir():
        if folder.name != str(os.getpid()):
            nanoseconds += int((folder / "schedstat").read_text().split()[0])
            lines = (folder / "status").read_text().splitlines()
            wakeups += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary"))
    return wakeups, nanoseconds / 1e9


def latencies(files: list[Path], noticed: threading.Event, save: Callable[[Path, str], None]) -> list[float]:
    found = []
    for number in range(SAVES):
        time.sleep(0.06)  # another burst
        noticed.clear()
        begin = time.perf_counter()
        save(files[number % len(files)], f"x = {begin}\n")
        if noticed.wait(2):
            found.append(time.perf_counter() - begin)
    return found


def contend(name: str, seconds: float) -> dict[str, float]:
    from training import Training

    with tempfile.TemporaryDirectory() as root:
        files = [Path(root, f"folder{number}", "module.py") for number in range(FOLDERS)]
        for file in files:
            file.parent.mkdir()
            file.write_text("x = 0\n")
        noticed = threading.Event()
        training = Training()
        WATCHES[name](files, noticed.set)
        time.sleep(0.5)
        figures: dict[str, float] = {"threads": threading.active_count() - 1}
        for save in (in_place, by_replacing, after_a_move_out):
            figures[save.__name__] = statistics.median(latencies(files, noticed, save))
        begin, before = time.perf_counter(), spent_by_others()
        while time.perf_counter() - begin < seconds:
            training.step()
        wall, after = time.perf_counter() - begin, spent_by_others()
        return figures | {"wakeups": (after[0] - before[0]) / wall, "share": (after[1] - before[1]) / wall}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contender", choices=CONTENDERS, help="only this one, in this process")
    parser.add_argument("--turns", type=int, default=3, help="processes per contender")
    parser.add_argument("--seconds", type=float, default=3.0, help="of training per process")
    options = parser.parse_args()
    if options.contender:
        print(json.dumps(contend(options.contender, options.seconds)))
        sys.stdout.flush()
        os._exit(0)
    missing = {name for name in PEERS if importlib.util.find_spec(name) is None}
    chosen = [name for name in CONTENDERS if name not in missing]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in chosen}
    for _ in range(options.turns):
        for name in chosen:
            command = [sys.executable, __file__, "--contender", name, "--seconds", str(options.seconds)]
            found[name].append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    report(found)
    if missing:
        print(f"not installed, left out: {', '.join(sorted(missing))} (pip install -r requirements/bench.txt)")


def report(found: dict[str, list[dict[str, float]]]) -> None:
    median = {
        name: {key: statistics.median(result[key] for result in results) for key in results[0]}
        for name, results in found.items()
    }
    print(f"{'':18}{'in place':>10}{'replaced':>10}{'moved out':>11}{'threads':>9}{'wake-ups/s':>12}{'processor':>11}")
    for name, figures in median.items():
        saves = [figures[key] * 1e3 for key in ("in_place", "by_replacing", "after_a_move_out")]
        times = f"{saves[0]:7.1f} ms{saves[1]:7.1f} ms{saves[2]:8.1f} ms"
        print(f"{name:18}{times}{figures['threads']:9.0f}{figures['wakeups']:12.1f}{figures['share']:11.3%}")


if __name__ == "__main__":
    main()
