"""What 100 exposed values that change at every step cost a 0.6 ms step while one client watches the event stream.

Blocks of steps that change and check, and blocks of the bare loop, take turns in one process that is attached and
watched; in the bare blocks nothing changes and no checkpoint is reached, so nothing is sampled. For comparison,
blocks in which the values change but there is no checkpoint tell what the assignments alone cost.
"""

import json
import statistics
import sys
import tempfile
import threading
import uuid
from pathlib import Path

from served import serve, wait_for
from training import Training, alternate

ROUNDS, STEPS = 20, 1500


def loop(result: Path) -> None:
    """The script: waits for the watcher, then measures itself."""
    import livespark as spark

    training, values = Training(), {f"value {number}": float(number) for number in range(100)}
    watched = threading.Event()

    @spark.concurrent
    def begin() -> None:
        watched.set()

    spark.expose(values=values, begin=begin)

    def change(step: int) -> None:
        for name in values:
            values[name] += 1.0

    def bare(step: int) -> None:
        training.step()

    def assigning(step: int) -> None:
        training.step()
        change(step)

    def live(step: int) -> None:
        training.step()
        change(step)
        spark.checkpoint()

    while not watched.is_set():
        spark.checkpoint()
    figures = {}
    for name, (first, second) in {"assignments": (bare, assigning), "livespark": (assigning, live)}.items():
        pairs = list(alternate(first, second, ROUNDS, STEPS))
        added = statistics.median(after - before for before, after in pairs)
        figures[name] = {"added": added, "share": added / statistics.median(before for before, _ in pairs)}
    result.write_text(json.dumps(figures))


def watch(http: object, run: str, received: list[int]) -> None:
    """Read the run's event stream as a browser does, counting bytes."""
    with http.stream("GET", f"/api/runs/{run}/events") as response:  # type: ignore[attr-defined]
        for chunk in response.iter_bytes():
            received[0] += len(chunk)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        result, received = Path(folder) / "result.json", [0]
        with serve(Path(__file__), "loop", str(result)) as served:
            threading.Thread(target=watch, args=(served.http, served.run, received), daemon=True).start()
            wait_for(lambda: received[0])
            wait_for(lambda: served.command(str(uuid.uuid4()), "call", function="begin")["outcome"] == "applied")
            wait_for(result.exists, 600)
            wait_for(lambda: result.read_text())
        figures = json.loads(result.read_text())
    print(f"100 values changing at every step, one watcher, {received[0] / 1e6:.1f} MB received")
    print(f"{'':14}{'added':>12}{'share':>9}")
    for name, figure in figures.items():
        print(f"{name:14}{figure['added'] * 1e6:9.1f} µs{figure['share']:9.2%}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["loop"]:
        loop(Path(sys.argv[2]))
    else:
        main()
