"""From a pause asked over HTTP to the loop standing still, measured by the client, against the length of a step."""

import statistics
import sys
import time
from pathlib import Path

from served import serve, wait_for
from training import Training

ROUNDS = 50


def loop() -> None:
    """The script: trains for ever."""
    import livespark as spark

    training = Training()
    while True:
        training.step()
        spark.checkpoint()


def step_seconds() -> float:
    training = Training()
    begin = time.perf_counter()
    for _ in range(1000):
        training.step()
    return (time.perf_counter() - begin) / 1000


def main() -> None:
    step, pauses, empty = step_seconds(), [], []
    with serve(Path(__file__), "loop") as served:
        wait_for(lambda: served.state() == "running")
        for number in range(ROUNDS):
            begin = time.perf_counter()
            answer = served.command(f"pause-{number}", "pause")
            pauses.append(time.perf_counter() - begin)
            assert answer["outcome"] == "applied", answer
            served.command(f"resume-{number}", "resume")
            begin = time.perf_counter()
            served.http.get("/api/health")
            empty.append(time.perf_counter() - begin)
    late = sorted(pauses)[int(0.95 * ROUNDS)]
    print(f"one step                      {step * 1e3:7.2f} ms")
    print(f"an empty request              {statistics.median(empty) * 1e3:7.2f} ms (median)")
    median = statistics.median(pauses)
    print(f"pause asked to loop standing  {median * 1e3:7.2f} ms (median), {late * 1e3:.2f} ms (p95)")
    print(f"above one step                {(median - step) * 1e3:7.2f} ms")


if __name__ == "__main__":
    if sys.argv[1:] == ["loop"]:
        loop()
    else:
        main()
