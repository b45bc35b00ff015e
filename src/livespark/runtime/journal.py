"""What the script logs: rows on the training thread, columnar events on the link's thread."""

import operator
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from time import time
from typing import Any

from livespark.protocol.events import Metrics
from livespark.runtime.columns import Row, columns
from livespark.runtime.scalars import Late, Scalar, read

__all__ = ("Journal",)


class Journal:
    """Metrics on their way, and the run's position on the metric axis (`step`, None while there is none).

    `step` is the last `step=` that was logged, else the number of `log` calls so far; in a script that never logs,
    the number of its optimizer's steps. Nobody listens before `listen`: then rows are dropped at once.
    """

    def __init__(self) -> None:
        self.step: int | None = None
        self._rows: deque[tuple[float, int, dict[str, Any]]] = deque(maxlen=0)
        self._calls = count(1)
        self._stepped = False
        self._logged = False
        self._late = False

    def log(self, metrics: Mapping[str, Any] | None = None, /, step: int | None = None, **values: Any) -> None:
        """Add a point to metric series: `log(loss=0.3, lr=1e-3)` or `log({"loss/train": 0.3}, step=7)`.

        Numbers, and arrays and tensors with one element; a tensor on a device is read later and never makes the
        training wait. `step` is the position on the metric axis; without it, the last one given, or else the number
        of calls so far. Raises TypeError or ValueError for what is no number.
        """
        if metrics is not None:
            values = _merged(metrics, values)
        for name, value in values.items():
            if type(value) is not float:
                values[name] = number = read(name, value)
                self._late = self._late or isinstance(number, Late)
        if step is not None:
            self.step = step = _checked(step)
            self._stepped = True
        elif self._stepped and self.step is not None:
            step = self.step
        else:
            self.step = step = next(self._calls)
        self._logged = True
        self._rows.append((time(), step, values))

    def count_step(self) -> None:
        """The optimizer made a step."""
        if not self._logged:
            self.step = (self.step or 0) + 1

    def listen(self) -> None:
        """From now on rows are kept until they are drained."""
        self._rows = deque(self._rows)

    def close(self) -> None:
        """Nobody listens any more: rows are dropped at once."""
        self._rows = deque(maxlen=0)

    def drain(self) -> list[Metrics]:
        """The rows since the last call, as events. May wait for a device. For one thread at a time."""
        taken = [self._rows.popleft() for _ in range(len(self._rows))]
        return list(columns(_fetched(taken) if self._late else taken))


def _merged(metrics: Mapping[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(metrics, Mapping):
        raise TypeError(f"log: expected a mapping of names to numbers, or log(name=number); got {metrics!r:.60}")
    for name in metrics:
        if not isinstance(name, str):
            raise TypeError(f"log: a metric's name is a string; got {name!r:.60}")
    return {**metrics, **values}


def _checked(step: Any) -> int:
    try:
        index = operator.index(step)
    except TypeError:
        raise TypeError(f"log: step must be an integer; got {step!r:.60} ({type(step).__name__})") from None
    if isinstance(step, bool) or index < 0:
        raise ValueError(f"log: step must be an integer that is not negative; got {step!r:.60}")
    return index


def _fetched(rows: list[tuple[float, int, dict[str, Scalar]]]) -> Iterator[Row]:
    """The rows with every number at hand. One that its device does not give any more is left out."""
    numbers = iter(_fetch([value for _, _, values in rows for value in values.values() if isinstance(value, Late)]))
    for at, step, values in rows:
        known = {name: next(numbers) if isinstance(value, Late) else value for name, value in values.items()}
        yield at, step, {name: value for name, value in known.items() if value is not None}


def _fetch(late: list[Late]) -> Sequence[int | float | None]:
    if not late:
        return []
    from livespark.runtime import torch_support  # noqa: PLC0415 - the seam: there is a tensor, so torch is loaded

    try:
        return torch_support.fetch(late)
    except RuntimeError:  # the device has failed; the training thread will tell
        return [None] * len(late)
