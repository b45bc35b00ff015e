"""What the runtime costs on the training thread: an idle checkpoint, a loop, a logged row; side by side in one run.

python benchmarks/checkpoint_and_log.py            a table
python benchmarks/checkpoint_and_log.py --profile  where the time of a logged row goes
"""

import argparse
import cProfile
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from livespark.runtime.exposed.exposed import Exposed
from livespark.runtime.ports import SilentOutbox
from livespark.runtime.process import Runtime

__all__ = ("main",)

CALLS = 200_000
ROUNDS = 9


class Row(NamedTuple):
    name: str
    nanoseconds: float
    limit: str = ""


def empty() -> None:
    pass


def attached() -> Runtime:
    """A runtime as in a worker, past its first checkpoint."""
    runtime = Runtime()
    runtime.attach(SilentOutbox(), Exposed(), {})
    runtime.core.begin()
    runtime.core.checkpoint()
    return runtime


def per_call(function: Callable[[], object]) -> float:
    """Nanoseconds per call, without those of the loop around it."""
    turns = range(CALLS)
    start = time.perf_counter_ns()
    for _ in turns:
        function()
    middle = time.perf_counter_ns()
    for _ in turns:
        pass
    return (2 * middle - start - time.perf_counter_ns()) / CALLS


def per_item(runtime: Runtime) -> float:
    """Nanoseconds per item of a `spark.loop`."""
    start = time.perf_counter_ns()
    for _ in runtime.loops.loop("benchmark", [None] * CALLS):
        pass
    return (time.perf_counter_ns() - start) / CALLS


def percentile_50(runtime: Runtime, **values: Any) -> float:
    """The median of single calls of `log`, without the clock's own time."""
    log, drain, clock = runtime.journal.log, runtime.journal.drain, time.perf_counter_ns
    times, nothing = [], []
    for turn in range(20_000):
        start = clock()
        log(**values)
        times.append(clock() - start)
        start = clock()
        nothing.append(clock() - start)
        if turn % 1000 == 0:
            drain()
    return statistics.median(times) - statistics.median(nothing)


def measure() -> list[Row]:
    """Medians of interleaved rounds."""
    runtime = attached()
    one, two = torch.tensor(0.5), torch.tensor(0.25, requires_grad=True)
    tasks: list[tuple[str, Callable[[], float], str]] = [
        ("empty function call", lambda: per_call(empty), ""),
        ("idle checkpoint()", lambda: per_call(runtime.core.checkpoint), "1.6 x"),
        ("item of a spark.loop", lambda: per_item(runtime), ""),
        ("log(loss=, lr=) of floats, p50", lambda: percentile_50(runtime, loss=0.5, lr=1e-3), "2 us"),
        ("log(loss=, lr=) of 0-d tensors, p50", lambda: percentile_50(runtime, loss=one, lr=two), "4 us"),
    ]
    results: dict[str, list[float]] = {name: [] for name, _, _ in tasks}
    for _ in range(ROUNDS):
        for name, task, _ in tasks:
            results[name].append(task())
    return [Row(name, statistics.median(results[name]), limit) for name, _, limit in tasks]


def profile() -> None:
    """Profile logged rows."""
    runtime = attached()
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(100_000):
        runtime.journal.log(loss=0.5, lr=1e-3)
    runtime.journal.drain()
    profiler.disable()
    profiler.print_stats("tottime")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--profile", action="store_true")
    if parser.parse_args().profile:
        return profile()
    rows = measure()
    floor = rows[0].nanoseconds
    print(f"{'':38} {'ns':>9} {'x empty call':>13} {'limit':>8}")
    for row in rows:
        print(f"{row.name:38} {row.nanoseconds:9.0f} {row.nanoseconds / floor:13.2f} {row.limit:>8}")
    return None


if __name__ == "__main__":
    main()
