"""A training script of two epochs for the tests of loops that go on, and what runs it up to a checkpoint and from
there.

`python standing_script.py <file>`: go on from the records in the file; the traces and notes go to standard output.
"""

import pickle
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from livespark.errors import SparkReloadError
from livespark.runtime.core import Core
from livespark.runtime.loop import Loops
from livespark.runtime.positions import Position
from livespark.runtime.reload.batches import record_batches
from livespark.runtime.reload.generators import Generators, capture
from livespark.runtime.snapshots.standing import put_back, record
from livespark.runtime.snapshots.worker_states import record_workers
from tests.unit.snapshots.standing_loaders import MAKE, Epoch


def _numbers(item: Any) -> Any:
    """Without tensors, which can't be compared as a whole."""
    if isinstance(item, tuple | list):
        return [_numbers(part) for part in item]
    return item.tolist() if isinstance(item, torch.Tensor) else item


class Watched(Core):
    """Counts the checkpoints; at one of them it looks how things stand, and may leave the script."""

    def __init__(self, look_at: int, *, leave: bool = True) -> None:
        super().__init__(lambda: None)
        self.pending = True
        self.trace: list[Any] = []
        self.taken: dict[str, Any] | None = None
        self._count, self._look_at, self._leave = 0, look_at, leave
        self.place: Position | None = None
        self.generators: Generators | None = None

    def refresh(self) -> None:
        """There is always something asked."""

    def attend(self, *, boundary: bool = False) -> None:
        self._count += 1
        if self._count == self._look_at:
            self.taken = {
                "loops": record(self.levels[0].scope),
                "generators": capture().state(),
                "open": [position.key for position in self.levels[0].open],
                "done": len(self.trace),
            }
            if self._leave:
                raise SparkReloadError("the test")

    def go_on(self, taken: dict[str, Any], notes: list[str]) -> None:
        """From what another one has seen."""
        scope = self.levels[0].scope
        put_back(scope, taken["loops"], notes.append)
        self.generators = Generators.of(taken["generators"])
        self.place = None
        for key in taken["open"]:
            self.place = max(
                (each for (name, _), each in (self.place or scope).children.items() if name == key), key=id
            )
        self.reload = self  # type: ignore[assignment]

    def entering(self, position: Position) -> None:
        """As `Continuation` does."""
        if position is self.place and self.generators:
            self.generators.restore()


def script(core: Watched, make: Callable[[], Epoch], *, inside: bool = False) -> None:
    """Two epochs. `inside`: with a checkpoint within the items."""
    random.seed(1), np.random.seed(2), torch.manual_seed(3)
    epoch = make()
    loop = Loops(core).loop
    for number in loop("epoch", range(2)):
        for item in loop("batch", epoch()):
            if inside:
                core.attend()
            core.trace.append(
                (number, _numbers(item), random.random(), float(np.random.rand()), torch.rand(3).tolist())
            )
        core.trace.append((number, random.random()))


def undisturbed(name: str, *, inside: bool = False) -> list[Any]:
    core = Watched(-1)
    script(core, MAKE[name], inside=inside)
    return core.trace


def interrupted(name: str, look_at: int, *, inside: bool = False) -> Watched:
    core = Watched(look_at)
    with suppress(SparkReloadError):
        script(core, MAKE[name], inside=inside)
    return core


def gone_on(name: str, taken: dict[str, Any], *, inside: bool = False) -> tuple[list[Any], list[str]]:
    """The trace from there, and what was told."""
    core, notes = Watched(-1), list[str](taken["loops"]["notes"])
    core.go_on(taken, notes)
    script(core, MAKE[name], inside=inside)
    return core.trace, notes


if __name__ == "__main__":
    record_batches()
    record_workers()
    taken = pickle.loads(Path(sys.argv[1]).read_bytes())  # noqa: S301 - the test's own
    sys.stdout.buffer.write(pickle.dumps([gone_on(name, state) for name, state in taken]))
