"""Which run is meant. No I/O."""

from collections.abc import Sequence

from livespark.errors import RunNotFound, UsageError
from livespark.protocol.lifecycle import TERMINAL
from livespark.protocol.runs import Run

__all__ = ("choose",)


def choose(runs: Sequence[Run], wanted: str | None) -> Run:
    """The run of that id, or the only one whose id begins so; without a wish the only live run, else the newest.

    `runs` are newest first. Raises RunNotFound, and UsageError where several are meant.
    """
    return _only_live(runs) if wanted is None else _named(runs, wanted)


def _named(runs: Sequence[Run], wanted: str) -> Run:
    found = [run for run in runs if run.id == wanted] or [run for run in runs if run.id.startswith(wanted)]
    if not found:
        raise RunNotFound(
            f"there is no run {wanted!r}. `livespark ps --all` lists all", status=404, code="run-not-found"
        )
    if len(found) > 1:
        raise UsageError(f"{wanted!r} is the beginning of several runs: {_names(found)}. Say which one")
    return found[0]


def _only_live(runs: Sequence[Run]) -> Run:
    if not runs:
        raise RunNotFound("there is no run yet. `livespark dev SCRIPT` starts one", status=404, code="run-not-found")
    live = [run for run in runs if run.state not in TERMINAL]
    if len(live) > 1:
        raise UsageError(f"several runs are live: {_names(live)}. Say which one")
    return live[0] if live else runs[0]


def _names(runs: Sequence[Run]) -> str:
    names = ", ".join(run.id for run in runs[:5])
    return names if len(runs) <= 5 else f"{names} and {len(runs) - 5} more"
