"""What the script logs: rows on the training thread, columnar events on the link's thread.

While somebody watches a metric, the rows' class is another one, whose `append` looks at each row: a run in which nobody
watches pays nothing.
"""

import math
import operator
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from time import time
from typing import Any, NamedTuple, Protocol, TypeAlias

from livespark.protocol.events import Metrics
from livespark.protocol.metrics import means
from livespark.runtime.columns import Row, columns
from livespark.runtime.scalars import Late, Scalar, read

__all__ = ("Eye", "Journal", "Mark", "Watch", "fetched")

_Logged: TypeAlias = tuple[float, int, dict[str, Any]]


class Mark(NamedTuple):
    """Where a journal stood: its step, the number of the next call, what the step came from."""

    step: int | None
    call: int
    stepped: bool
    logged: bool


class Eye(Protocol):
    """Looks at each row that is logged, on the training thread."""

    def look(self, row: _Logged, /) -> None: ...


class Watch:
    """Looks at a metric until it is closed. `bad`: the first value that was no finite number, as a sentence."""

    def __init__(self, metric: str, journal: "Journal") -> None:
        self.bad: str | None = None
        self._metric = metric
        self._journal = journal

    def close(self) -> None:
        """Look no more."""
        self._journal.unwatch(self)

    def look(self, row: _Logged) -> None:
        """A row has been logged. Waits for a number that is still on its device."""
        _, step, values = row
        for name, value in values.items():
            if self.bad is None and means(self._metric, name):
                number = fetched(value)
                if isinstance(number, float) and not math.isfinite(number):
                    self.bad = f"{name} is {number} at step {step}"


class _Rows(deque[_Logged]):
    """Rows on their way."""

    __slots__ = ("watches",)

    watches: tuple[Eye, ...]


class _WatchedRows(_Rows):
    """Rows that somebody looks at."""

    __slots__ = ()

    def append(self, row: _Logged) -> None:
        super().append(row)
        for watch in self.watches:
            watch.look(row)


class Journal:
    """Metrics on their way, and the run's position on the metric axis (`step`, None while there is none).

    `step` is the last `step=` that was logged, else the number of `log` calls so far; in a script that never logs,
    the number of its optimizer's steps. Nobody listens before `listen`: then rows are dropped at once.
    """

    def __init__(self) -> None:
        self.step: int | None = None
        self._watches: tuple[Eye, ...] = ()
        self._rows = _Rows(maxlen=0)
        self._calls = count(1)
        self._stepped = False
        self._logged = False
        self._late = False
        self._newest: dict[str, int | float] = {}

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
            for eye in self._watches:
                eye.look((0.0, self.step, {}))

    def listen(self) -> None:
        """From now on rows are kept until they are drained."""
        self._keep(_Rows(self._rows))

    def close(self) -> None:
        """Nobody listens any more: rows are dropped at once."""
        self._keep(_Rows(maxlen=0))

    def drain(self) -> list[Metrics]:
        """The rows since the last call, as events. May wait for a device. For one thread at a time."""
        waiting = self._rows
        taken = list(waiting)
        rows = list(_fetched(taken)) if self._late else taken
        for _, _, values in rows:
            self._newest.update(values)
        for _ in taken:
            waiting.popleft()
        return list(columns(rows))

    def newest(self) -> dict[str, int | float]:
        """The last number of each metric; one that is still on its device is waited for. Training thread."""
        waiting = {name: value for _, _, values in list(self._rows) for name, value in values.items()}
        late = {name: value for name, value in waiting.items() if isinstance(value, Late)}
        waiting |= zip(late, _fetch(list(late.values())), strict=True)
        return {**self._newest, **{name: value for name, value in waiting.items() if value is not None}}

    def mark(self) -> Mark:
        """Where the journal stands. Training thread."""
        call = next(self._calls)
        self._calls = count(call)
        return Mark(self.step, call, self._stepped, self._logged)

    def go_back(self, mark: Mark) -> None:
        """Count on from `mark`. Rows that have been logged stay logged. Training thread."""
        self.step, self._calls = mark.step, count(mark.call)
        self._stepped, self._logged = mark.stepped, mark.logged

    def watch(self, metric: str) -> Watch:
        """Look at `metric` in every row that is logged from now on, also within groups: `loss` means `train/loss`,
        `loss/train` and `val_loss`, too. Numbers on a device are waited for. Training thread.
        """
        watch = Watch(metric, self)
        self._watches = (*self._watches, watch)
        self._keep(self._rows)
        return watch

    def follow(self, eye: Eye) -> None:
        """Show `eye` every row from now on, and every step of an optimizer where none is logged. Training thread."""
        self._watches = (*self._watches, eye)
        self._keep(self._rows)

    def unwatch(self, watch: Eye) -> None:
        """Nobody asks for this watch any more."""
        self._watches = tuple(each for each in self._watches if each is not watch)
        self._keep(self._rows)

    def _keep(self, rows: _Rows) -> None:
        rows.watches = self._watches
        rows.__class__ = _WatchedRows if self._watches else _Rows
        self._rows = rows


def fetched(value: Any) -> Any:
    """A number of a row, waited for where it is still on its device; None where that has failed."""
    return _fetch([value])[0] if isinstance(value, Late) else value


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
