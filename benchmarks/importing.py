"""`import livespark` beside the bare interpreter and, where it is there, `import torch`; whole processes, in turn."""

import importlib.util
import statistics
import subprocess
import sys
import time

ROUNDS = 15


def seconds(statement: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - begin


def main() -> None:
    chosen = ["pass", "import livespark", *(["import torch"] if importlib.util.find_spec("torch") else [])]
    found: dict[str, list[float]] = {statement: [] for statement in chosen}
    for _ in range(ROUNDS):
        for statement in chosen:
            found[statement].append(seconds(statement))
    bare = statistics.median(found["pass"])
    for statement, times in found.items():
        median = statistics.median(times)
        print(
            f"{statement:18}{median * 1e3:8.1f} ms, {(median - bare) * 1e3:8.1f} ms above the interpreter's own start"
        )


if __name__ == "__main__":
    main()
