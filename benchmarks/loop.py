"""What logging three scalars at every step adds to a real training loop: ours and the peers', in one run.

Every contender has a process of its own, in which blocks of the bare loop and blocks of the logging loop take turns;
contenders take turns, too. Livespark runs attached: worker, keeper and server are live, everything is sent and
committed.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
CONTENDERS = ("nothing", "list_append", "livespark", "json_lines", "trackio", "tensorboard", "wandb")
PEERS = {"trackio", "tensorboard", "wandb"}


def run(contender: str, rounds: int, steps: int, home: Path) -> dict[str, float]:
    result = home / f"{contender}.json"
    command = [sys.executable, str(HERE / "loop_contender.py"), contender, str(rounds), str(steps), str(result)]
    if contender == "livespark":
        command = [sys.executable, "-m", "livespark.cli.main", "run", command[1], "--", *command[2:]]
    environment = os.environ | {
        "LIVESPARK_HOME": str(home / "livespark"),
        "PYTHONPATH": str(HERE),
        "WANDB_SILENT": "true",
    }
    subprocess.run(command, check=True, capture_output=True, env=environment)
    figures: dict[str, float] = json.loads(result.read_text())
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3, help="processes per contender")
    parser.add_argument("--rounds", type=int, default=10, help="pairs of blocks per process")
    parser.add_argument("--steps", type=int, default=1000, help="steps per block")
    parser.add_argument("--only", nargs="*", default=CONTENDERS, help="contenders to measure")
    options = parser.parse_args()
    missing = {name for name in PEERS & set(options.only) if importlib.util.find_spec(name) is None}
    chosen = [name for name in options.only if name not in missing]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in chosen}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        for _ in range(options.turns):
            for name in chosen:
                found[name].append(run(name, options.rounds, options.steps, Path(home)))
        stop = [sys.executable, "-m", "livespark.cli.main", "server", "stop"]
        subprocess.run(stop, env=os.environ | {"LIVESPARK_HOME": f"{home}/livespark"}, capture_output=True, check=False)
    print(f"{'':14}{'bare step':>12}{'added':>12}{'share':>9}")
    for name, results in found.items():
        bare, added, share = (
            statistics.median(result[key] for result in results) for key in ("bare", "added", "share")
        )
        print(f"{name:14}{bare * 1e3:9.3f} ms{added * 1e6:9.1f} µs{share:9.2%}")
    if missing:
        print(f"not installed, left out: {', '.join(sorted(missing))} (pip install -r requirements/bench.txt)")


if __name__ == "__main__":
    main()
