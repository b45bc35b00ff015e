"""What 100 exposed values cost, all of them changing between two samples: `python benchmarks/exposed_values.py`.

On the training thread: `Exposed.sample()`. On the link's thread: `delta()` and its JSON. Beside them, as the floor, a
copy of a plain dict of as many numbers and its JSON. Medians of interleaved rounds; compare figures of one run only.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import field, make_dataclass
from functools import partial
from typing import Any

from livespark.protocol.codec import encode
from livespark.runtime.exposed.exposed import Exposed

VALUES = 100
ROUNDS = 300
RATE = 30
"""Samples a second while somebody watches."""
SAMPLE_TARGET, DELTA_TARGET = 60.0, 80.0


def flat() -> tuple[dict[str, Any], Callable[[int], None]]:
    """One dict of floats."""
    state = {f"metric_{index}": 0.5 for index in range(VALUES)}

    def change(step: int) -> None:
        for name in state:
            state[name] += 1.0 / (step + 3)

    return {"state": state}, change


def nested() -> tuple[dict[str, Any], Callable[[int], None]]:
    """Ten dataclass objects of ten floats."""
    part: Any = make_dataclass("Part", [(f"value_{index}", float, field(default=0.5)) for index in range(10)])
    parts = {f"part_{index}": part() for index in range(VALUES // 10)}

    def change(step: int) -> None:
        for item in parts.values():
            for name in vars(item):
                setattr(item, name, getattr(item, name) + 1.0 / (step + 3))

    return {"parts": parts}, change


def measure(make: Callable[[], tuple[dict[str, Any], Callable[[int], None]]]) -> dict[str, float]:
    """Microseconds of each operation."""
    bindings, change = make()
    exposed, stopwatch = Exposed(), Stopwatch()
    exposed.replace(bindings)
    exposed.delta(full=True)
    for step in range(ROUNDS):
        change(step)
        plain = {f"metric_{index}": index / (step + 3) for index in range(VALUES)}
        stopwatch("copy of a plain dict", dict, plain)
        stopwatch("its JSON", encode, plain)
        stopwatch("sample", exposed.sample)
        delta = stopwatch("delta", partial(exposed.delta, full=False))
        stopwatch("JSON of the delta", encode, delta.values)
        stopwatch("sample, nothing changed", exposed.sample)
        stopwatch("delta, nothing changed", partial(exposed.delta, full=False))
    return stopwatch.medians()


class Stopwatch:
    """Times single calls, by name."""

    def __init__(self) -> None:
        self._times: dict[str, list[float]] = {}

    def __call__(self, name: str, operation: Callable[..., Any], *arguments: Any) -> Any:
        start = time.perf_counter()
        result = operation(*arguments)
        self._times.setdefault(name, []).append(time.perf_counter() - start)
        return result

    def medians(self) -> dict[str, float]:
        """In microseconds."""
        return {name: statistics.median(found) * 1e6 for name, found in self._times.items()}


def report(title: str, found: dict[str, float]) -> None:
    print(f"\n{title}")
    for name, microseconds in found.items():
        print(f"  {name:<26} {microseconds:8.1f} µs")
    link = found["delta"] + found["JSON of the delta"]
    share = (found["sample"] + link) * 1e-6 * RATE
    print(f"  {'on the training thread':<26} {found['sample']:8.1f} µs   target {SAMPLE_TARGET:.0f}")
    print(f"  {'on the link thread':<26} {link:8.1f} µs   target {DELTA_TARGET:.0f}")
    print(f"  {f'both, {RATE} times a second':<26} {share:8.2%} of a core")


def main() -> None:
    for make in (flat, nested):
        report(f"{VALUES} values: {make.__doc__}", measure(make))


if __name__ == "__main__":
    main()
